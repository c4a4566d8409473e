// npm's `@modelcontextprotocol/sdk` without a key: it finds the issuer, and signs a person in there.
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const address = new URL(process.argv[2]);
const kept = {};
let code;
const authProvider = {
  redirectUrl: "http://127.0.0.1:9/callback",
  clientMetadata: {
    client_name: "sdk",
    redirect_uris: ["http://127.0.0.1:9/callback"],
    grant_types: ["authorization_code"],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
  redirectToAuthorization: async (url) => {
    const answer = await fetch(url, { redirect: "manual" });
    code = new URL(answer.headers.get("location")).searchParams.get("code");
  },
};
const first = new StreamableHTTPClientTransport(address, { authProvider });
try {
  await new Client({ name: "sdk", version: "1" }).connect(first);
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
}
await first.finishAuth(code);
const client = new Client({ name: "sdk", version: "1" });
await client.connect(new StreamableHTTPClientTransport(address, { authProvider }));
const result = await client.callTool({ name: "show_access", arguments: {} });
console.log(JSON.stringify(result.structuredContent));
await client.close();
