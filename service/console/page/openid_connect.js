// The code flow of OpenID Connect with PKCE, for a page without a secret. Pure: `random` and `fetch` are arguments.
// openid.net/specs/openid-connect-core-1_0.html, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer)

const SECRET_BYTES = 32; // RFC 7636, 4.1: the verifier
const PATIENCE = 15_000; // milliseconds for the issuer to answer
const MAX_SHOWN = 200; // characters of an issuer's message

/** A sign-in that failed, in words for people. */
export class SignInError extends Error {}

export class OpenIdClient {
  #metadata = null;

  /** `name` is what people call the issuer, `issuer` its URL. `random(count)` returns random bytes. */
  constructor({ name, issuer, clientId, redirectUri, random, fetch }) {
    Object.assign(this, { name, issuer, clientId, redirectUri, random, fetch });
  }

  /** Returns the issuer's endpoints, and fetches them once. */
  async metadata() {
    this.#metadata ??= await this.#discover();
    return this.#metadata;
  }

  /** Returns where to go, and what `finish` needs when the person is back. */
  async begin() {
    const { authorization_endpoint: endpoint } = await this.metadata();
    const [state, nonce, verifier] = [1, 2, 3].map(() => base64url(this.random(SECRET_BYTES)));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const url = new URL(endpoint); // which may have a query of its own
    const parameters = {
      response_type: "code",
      client_id: this.clientId,
      redirect_uri: this.redirectUri,
      scope: "openid profile", // `profile` has the name
      state,
      nonce,
      code_challenge: base64url(new Uint8Array(digest)),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return { url: url.href, pending: { state, nonce, verifier } };
  }

  /** Exchanges the issuer's answer, a URLSearchParams, for `{ token, name }`: the ID token, and who it is for. */
  async finish(answer, { state, nonce, verifier }) {
    if (answer.get("state") !== state) throw new SignInError(NOT_STARTED_HERE);
    const metadata = await this.metadata();
    this.#checkIssuer(answer.get("iss"), metadata);
    if (answer.has("error")) throw this.#refused(answer.get("error"), answer.get("error_description"));
    const token = await this.#exchange(metadata.token_endpoint, answer.get("code"), verifier);
    return { token, name: nameIn(this.#claims(token, nonce)) };
  }

  /** An answer of another issuer could carry its code to this one (a mix-up attack). */
  #checkIssuer(iss, metadata) {
    const isRequired = metadata.authorization_response_iss_parameter_supported === true;
    if (iss === null ? isRequired : iss !== this.issuer)
      throw new SignInError(`The answer did not come from ${this.name}. Start again.`);
  }

  async #discover() {
    const found = await this.#request(`${this.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
    const endpoints = [found.authorization_endpoint, found.token_endpoint];
    if (found.end_session_endpoint) endpoints.push(found.end_session_endpoint);
    if (found.issuer !== this.issuer || !endpoints.every(isSecure))
      throw new SignInError(`${this.name} is not set up as this page expects. Tell your administrator.`);
    return found;
  }

  async #exchange(endpoint, code, verifier) {
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: this.redirectUri,
      client_id: this.clientId,
      code_verifier: verifier,
    });
    return (await this.#request(endpoint, { method: "POST", body })).id_token;
  }

  /** The token came from the issuer over TLS, so its signature is left to the service: OIDC Core 3.1.3.7, 6. */
  #claims(token, nonce) {
    const claims = claimsOf(token);
    const isOurs = claims?.iss === this.issuer && [claims.aud].flat().includes(this.clientId);
    if (!isOurs || claims.nonce !== nonce)
      throw new SignInError(`${this.name} sent a token that is not for this sign-in. Start again.`);
    return claims;
  }

  async #request(url, options) {
    const { fetch } = this;
    const signal = AbortSignal.timeout(PATIENCE);
    let answer, body;
    try {
      answer = await fetch(url, { ...options, signal, credentials: "omit", redirect: "error", cache: "no-store" });
      body = await answer.json();
    } catch {
      throw new SignInError(
        `${this.name} cannot be reached. If this happens to others too, tell your administrator: ` +
          "it may not allow this page to connect.",
      );
    }
    if (!answer.ok) throw this.#refused(body?.error, body?.error_description);
    return body;
  }

  #refused(error, description) {
    if (error === "access_denied") return new SignInError(`You were not signed in: ${this.name} did not allow it.`);
    if (error === "invalid_grant") return new SignInError("The sign-in took too long, or was used before. Start again.");
    const said = [description, error].find((each) => typeof each === "string" && each) ?? "";
    const more = said ? ` It says: “${Array.from(said).slice(0, MAX_SHOWN).join("")}”` : "";
    return new SignInError(`${this.name} did not sign you in.${more}`);
  }
}

export const NOT_STARTED_HERE = "This sign-in was not started here, or is too old. Start again.";

/** Whether a person may be sent there: https, or http on this computer. */
function isSecure(url) {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return protocol === "https:" || (protocol === "http:" && isLocal);
}

/** What people call themselves, or undefined: `sub` is often a long number. */
const nameIn = ({ name, preferred_username: username, email }) =>
  [name, username, email].find((each) => typeof each === "string" && each)?.slice(0, MAX_SHOWN);

function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (each) => each.charCodeAt(0))));
  } catch {
    return null;
  }
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=/g, "");
