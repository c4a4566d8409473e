import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { OpenIdClient, SignInError } from "../../service/console/page/openid_connect.js";

const ISSUER = "https://id.example/tenant";
const METADATA = {
  issuer: ISSUER,
  authorization_endpoint: "https://id.example/authorize?ui=plain",
  token_endpoint: "https://token.example/token",
};
const json = (body, status = 200) => new Response(JSON.stringify(body), { status });
const tokenOf = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
const CLAIMS = { iss: ISSUER, aud: "console", sub: "ü" };

/** A client, and the requests that it makes. `answers` replaces the issuer's. */
function client({ metadata = METADATA, answer } = {}) {
  let count = 0;
  const requests = [];
  const made = new OpenIdClient({
    name: "Acme",
    issuer: ISSUER,
    clientId: "console",
    redirectUri: "https://files.example/console",
    random: (bytes) => new Uint8Array(bytes).fill(250 + count++),
    fetch: async (url, options) => {
      requests.push({ url, ...options });
      return url.endsWith("openid-configuration") ? json(metadata) : answer();
    },
  });
  return { made, requests };
}

/** Signs in: `claims` are the ID token's, `more` is added to the issuer's answer. */
async function signIn({ claims, more = {}, ...issuer } = {}) {
  let nonce = null;
  const { made, requests } = client({
    answer: () => json({ id_token: tokenOf({ ...CLAIMS, nonce, ...claims }) }),
    ...issuer,
  });
  const { url, pending } = await made.begin();
  nonce = pending.nonce;
  const answer = new URLSearchParams({ code: "c0de", state: pending.state, ...more });
  return { ...(await made.finish(answer, pending)), requests, url: new URL(url), pending };
}

const failure = (options) =>
  signIn(options).then(
    () => assert.fail("signed in"),
    (error) => (assert.ok(error instanceof SignInError, error.stack), error.message),
  );

test("the request has a state, a nonce and the digest of a verifier", async () => {
  const { url, pending } = await signIn();
  const sent = Object.fromEntries(url.searchParams);
  assert.equal(url.origin + url.pathname, "https://id.example/authorize");
  assert.deepEqual(sent, {
    ui: "plain",
    response_type: "code",
    client_id: "console",
    redirect_uri: "https://files.example/console",
    scope: "openid profile",
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: createHash("sha256").update(pending.verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  assert.match(pending.verifier, /^[\w-]{43}$/);
  assert.equal(new Set(Object.values(pending)).size, 3);
  assert.ok(!url.href.includes(pending.verifier));
});

test("the code is exchanged once, with the verifier and without cookies", async () => {
  const { token, requests, pending } = await signIn();
  const [discovery, exchange, ...others] = requests;
  assert.equal(discovery.url, `${ISSUER}/.well-known/openid-configuration`);
  assert.deepEqual(others, []);
  assert.equal(exchange.url, METADATA.token_endpoint);
  assert.deepEqual(Object.fromEntries(exchange.body), {
    grant_type: "authorization_code",
    code: "c0de",
    redirect_uri: "https://files.example/console",
    client_id: "console",
    code_verifier: pending.verifier,
  });
  for (const { credentials, redirect } of requests) assert.deepEqual([credentials, redirect], ["omit", "error"]);
  assert.match(token, /^e30\./);
});

test("an answer with another state reaches no issuer", async () => {
  for (const state of ["", "other"]) {
    const { made, requests } = client();
    const { pending } = await made.begin();
    const answer = new URLSearchParams({ code: "c0de", ...(state ? { state } : {}), error_description: "Call me" });
    await assert.rejects(made.finish(answer, pending), { message: /^This sign-in was not started here/ });
    assert.equal(requests.length, 1);
  }
});

test("an answer of another issuer is refused", async () => {
  const said = "The answer did not come from Acme. Start again.";
  assert.equal(await failure({ more: { iss: "https://evil.example" } }), said);
  const metadata = { ...METADATA, authorization_response_iss_parameter_supported: true };
  assert.equal(await failure({ metadata }), said);
  assert.ok((await signIn({ metadata, more: { iss: ISSUER } })).token);
});

test("a token for another sign-in, client or issuer is refused", async () => {
  const said = "Acme sent a token that is not for this sign-in. Start again.";
  for (const claims of [{ nonce: "other" }, { nonce: undefined }, { aud: "other" }, { aud: [] }, { iss: "other" }])
    assert.equal(await failure({ claims }), said);
  for (const body of [{}, { id_token: 1 }, { id_token: "a.b" }, { id_token: "" }])
    assert.equal(await failure({ answer: () => json(body) }), said);
  assert.ok((await signIn({ claims: { aud: ["other", "console"] } })).token);
});

test("a person has a name, if the token has one", async () => {
  const name = async (claims) => (await signIn({ claims })).name;
  assert.equal(await name({ name: "Ada", email: "a@b.example" }), "Ada");
  assert.equal(await name({ name: "", preferred_username: 5, email: "a@b.example" }), "a@b.example");
  assert.equal(await name({}), undefined);
});

test("a refusal is said in words", async () => {
  const refused = (error, description) =>
    failure({ more: { error, ...(description ? { error_description: description } : {}) } });
  assert.equal(await refused("access_denied", "x"), "You were not signed in: Acme did not allow it.");
  assert.equal(await refused("server_error"), "Acme did not sign you in. It says: “server_error”");
  assert.equal(await refused("server_error", "Try <b>later</b>"), "Acme did not sign you in. It says: “Try <b>later</b>”");
  assert.ok((await refused("server_error", "x".repeat(999))).length < 260);
});

test("a code that was used or is too old is explained", async () => {
  const answer = () => json({ error: "invalid_grant" }, 400);
  assert.equal(await failure({ answer }), "The sign-in took too long, or was used before. Start again.");
  assert.equal(await failure({ answer: () => json(null, 500) }), "Acme did not sign you in.");
});

test("an issuer that does not answer as it should is reported", async () => {
  const unreachable = /^Acme cannot be reached\. If this happens to others/;
  assert.match(await failure({ answer: () => Promise.reject(new TypeError("blocked")) }), unreachable);
  assert.match(await failure({ answer: () => new Response("<html>") }), unreachable);
});

test("metadata of another issuer or without https is refused", async () => {
  for (const wrong of [
    { issuer: "https://evil.example" },
    { authorization_endpoint: "javascript:alert(1)" },
    { authorization_endpoint: "http://id.example/authorize" },
    { token_endpoint: undefined },
    { end_session_endpoint: "data:text/html,x" },
  ])
    assert.match(await failure({ metadata: { ...METADATA, ...wrong } }), /^Acme is not set up/);
  const local = { ...METADATA, authorization_endpoint: "http://127.0.0.1:9/authorize" };
  assert.ok((await signIn({ metadata: local })).token);
});
