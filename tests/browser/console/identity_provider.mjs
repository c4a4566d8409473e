// A real OpenID provider on loopback. Its pages take any name and password, and the name is the subject.
// Usage: node identity_provider.mjs PORT
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const HOUR = 3600;
const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "console",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/console"],
      post_logout_redirect_uris: ["http://127.0.0.1/console"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  clientBasedCORS: () => true,
  pkce: { required: () => true },
  cookies: { keys: ["of a test"] },
  ttl: { AccessToken: HOUR, AuthorizationCode: 60, Grant: HOUR, IdToken: HOUR, Interaction: HOUR, Session: HOUR },
});
// The console's port is not known yet.
const isConsole = (uri) => /^http:\/\/127\.0\.0\.1:\d+\/console$/.test(uri);
provider.Client.prototype.redirectUriAllowed = isConsole;
provider.Client.prototype.postLogoutRedirectUriAllowed = isConsole;
provider.listen(port, "127.0.0.1");
