import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";

import { PresignError, upload } from "../../../client/js/src/presign.js";
import { Fake, SECRET, TOKEN, problem } from "./fake.mjs";

const TARGET = { bucket: "reports", key: "a.csv" };

async function failed(fake, answer, options) {
  fake.requests = [];
  fake.before = () => answer;
  const error = await fake.presign(options).downloadUrl(TARGET).catch((thrown) => thrown);
  assert.ok(error instanceof PresignError, error);
  return error;
}

test("a problem has all that the service says", async (t) => {
  const fake = await Fake.start(t);
  const errors = [{ pointer: "#/key", detail: "Too long." }];
  const error = await failed(fake, problem(422, "invalid_request", { errors }));
  const { code, status, detail, requestId, store } = error;
  const said = { code, status, detail, requestId, errors: error.errors, store };
  const expected = { code: "invalid_request", status: 422, detail: "The detail of invalid_request." };
  assert.deepEqual(said, { ...expected, requestId: "request-1", errors, store: undefined });
  assert.equal(error.message, "invalid_request: #/key: Too long.");
  assert.equal(fake.requests.length, 1);
});

test("an answer of another program is not taken for a problem", async (t) => {
  const fake = await Fake.start(t);
  const html = { "content-type": "text/html" };
  const bodies = ["null", "{", "[]", '{"code": 5, "detail": "x"}'];
  const answers = bodies.map((body) => ({ ...problem(400, "x"), body }));
  const pages = [html, { "content-type": "application/json" }];
  answers.push(...pages.map((headers) => ({ status: 200, headers, body: "<h1>Sign in" })));
  for (const answer of answers) {
    const error = await failed(fake, answer);
    assert.deepEqual([error.code, error.status], ["not_presign", answer.status]);
  }
});

test("what may succeed later is repeated, with growing pauses", async (t) => {
  const fake = await Fake.start(t);
  for (const status of [429, 500, 503, 504]) {
    fake.waits = [];
    const error = await failed(fake, problem(status, "later"));
    assert.deepEqual([error.attempts, fake.requests.length], [6, 6]);
    assert.deepEqual(fake.waits, [0.5, 1, 2, 4, 8]);
  }
  const refused = await failed(fake, problem(502, "storage_refused"));
  assert.equal(refused.attempts, 1);
});

test("Retry-After is waited for, and announced", async (t) => {
  const fake = await Fake.start(t);
  const announced = [];
  fake.before = () => {
    fake.before = () => undefined;
    return problem(429, "rate_limited", { headers: { "retry-after": "9" } });
  };
  const options = { ...TARGET, onWait: (seconds) => announced.push(seconds) };
  await fake.presign().upload(new Blob(["a"]), options);
  assert.deepEqual([fake.waits, announced], [[9], [9, null]]);
});

test("a Retry-After that is too long is an error", async (t) => {
  const fake = await Fake.start(t);
  const error = await failed(fake, problem(503, "overloaded", { headers: { "retry-after": "61" } }));
  assert.deepEqual([error.attempts, error.retryAfter, fake.waits], [1, 61, []]);
});

test("a service that never answered is tried twice", async (t) => {
  const fake = await Fake.start(t);
  const error = await failed(fake, "cut");
  assert.deepEqual([error.code, error.status, error.attempts], ["unreachable", 0, 2]);
  assert.equal(error.detail, `No answer from ${fake.url}. Is the URL of the service right?`);
});

test("a page of another origin is told of CORS", async (t) => {
  const fake = await Fake.start(t);
  t.after(() => ["document", "location"].forEach((name) => delete globalThis[name]));
  globalThis.document = {};
  globalThis.location = { href: "https://app.example.com/files", origin: "https://app.example.com" };
  const hint = "If the browser's console mentions CORS, add this page's origin to cors_origins.";
  const foreign = await failed(fake, "cut");
  assert.equal(foreign.detail, `No answer from ${fake.url}. ${hint}`);
  globalThis.location = { href: `${fake.url}/console`, origin: fake.url };
  const own = await failed(fake, "cut");
  assert.ok(!own.detail.includes("CORS"));
});

test("an address is shown without user and password", async (t) => {
  const fake = await Fake.start(t);
  const url = fake.url.replace("://", "://ann:secret@");
  const error = await failed(fake, undefined, { url });
  assert.equal(error.detail, `No answer from ${fake.url}. Is the URL of the service right?`);
});

test("a wait ends when the call is aborted", async (t) => {
  const fake = await Fake.start(t);
  const stop = new AbortController();
  fake.before = () => problem(503, "overloaded", { headers: { "retry-after": "50" } });
  const onWait = () => stop.abort();
  const call = fake.presign({ retries: {} }).call("GET", "v1/caller", { signal: stop.signal, onWait });
  await assert.rejects(call, { name: "AbortError" });
});

test("a token is asked for again for each attempt", async (t) => {
  const fake = await Fake.start(t);
  const tokens = ["old-token", TOKEN];
  fake.before = ({ headers }) => (headers.authorization === "Bearer old-token" ? problem(503, "x") : undefined);
  await fake.presign({ token: async () => tokens.shift() }).downloadUrl(TARGET);
  assert.deepEqual(tokens, []);
});

test("an invalid token is neither sent nor shown", async (t) => {
  const fake = await Fake.start(t);
  for (const token of ["", "secret\n", "sécret", "sec ret"]) {
    const error = await failed(fake, undefined, { token });
    assert.equal(error.code, "invalid_token");
    assert.ok(!/s.c/.test(error.message));
  }
  assert.deepEqual(fake.requests, []);
});

test("a caller may bring headers and fetch", async (t) => {
  const fake = await Fake.start(t);
  const fetched = [];
  const options = {
    token: undefined,
    headers: async () => ({ authorization: `Bearer ${TOKEN}`, "x-team": "a" }),
    fetch: (url, init) => fetched.push(url) && fetch(url, init),
  };
  await fake.presign(options).upload(new Blob(["a"]), TARGET);
  assert.equal(fake.requests[0].headers["x-team"], "a");
  assert.equal(fake.requests[1].headers["x-team"], undefined);
  assert.deepEqual(fetched, [`${fake.url}/v1/upload-urls`]);
});

test("a redirect is not followed with the token", async (t) => {
  const fake = await Fake.start(t);
  const error = await failed(fake, { status: 307, headers: { location: `${fake.url}/elsewhere` } });
  assert.equal(error.code, "unreachable");
  assert.ok(fake.requests.every(({ path }) => path !== "elsewhere"));
});

test("the URL of the service may have a path", async (t) => {
  const fake = await Fake.start(t);
  for (const url of [`${fake.url}/files`, `${fake.url}/files//`]) {
    await fake.presign({ url }).downloadUrl(TARGET).catch(() => {});
    assert.equal(fake.requests.at(-1).path, "files/v1/download-urls");
  }
});

test("the token is not shown with the client", async (t) => {
  const fake = await Fake.start(t);
  assert.ok(!inspect(fake.presign(), { depth: 9, showHidden: true }).includes(TOKEN));
});

test("upload takes all options at once", async (t) => {
  const fake = await Fake.start(t);
  await upload(new Blob(["a"]), { url: fake.url, token: TOKEN, ...TARGET });
  assert.equal(fake.content("a.csv"), "a");
});

test("a download URL says how long it lives", async (t) => {
  const fake = await Fake.start(t);
  const signed = await fake.presign().downloadUrl({ ...TARGET, expiresIn: 60, filename: "b.csv" });
  assert.deepEqual(fake.requests[0].body, { ...TARGET, expires_in: 60, filename: "b.csv" });
  assert.equal(signed.method, "GET");
  assert.ok(signed.url.endsWith(SECRET));
  assert.deepEqual(signed.expiresAt, new Date("2026-03-01T12:15:00Z"));
});

test("a drop box is a link that takes uploads", async (t) => {
  const fake = await Fake.start(t);
  fake.before = () => ({ status: 201, body: { id: "7", url: "https://x/l/1", expires_at: "2026-03-01T12:15:00Z" } });
  const made = await fake.presign().link({ bucket: "reports", prefix: "in/", upload: true, label: "Ann" });
  assert.deepEqual(fake.requests[0].body, { bucket: "reports", prefix: "in/", operations: ["upload"], label: "Ann" });
  assert.deepEqual([made.id, made.url, made.expiresAt.getUTCFullYear()], ["7", "https://x/l/1", 2026]);
});

test("links are listed page by page", async (t) => {
  const fake = await Fake.start(t);
  const link = { bucket: "reports", operations: ["download"], revoked: false };
  const times = { created_at: "2026-03-01T12:00:00Z", expires_at: "2026-03-08T12:00:00Z" };
  const first = { id: "9", url: "https://x/l/1", key: "a", max_uses: 3, uses: 1, ...link, ...times };
  const second = { id: "8", prefix: "in/", ...link, ...times, revoked: true };
  const pages = [{ links: [first], next: "5" }, { links: [second] }];
  fake.before = () => ({ body: pages.shift() });
  const found = [];
  for await (const each of fake.presign().links()) found.push(each);
  assert.deepEqual(found.map(({ id, isRevoked, maxUses, uses }) => [id, isRevoked, maxUses, uses]), [
    ["9", false, 3, 1],
    ["8", true, undefined, undefined],
  ]);
  assert.equal(found[0].expiresAt.getUTCDate(), 8);
  assert.deepEqual(fake.calls, ["GET links", "GET links"]);
});

test("a link is revoked by its id", async (t) => {
  const fake = await Fake.start(t);
  fake.before = () => ({ status: 204 });
  await fake.presign().revokeLink("lnk_a/b");
  assert.deepEqual(fake.calls, ["DELETE links/lnk_a%2Fb"]);
});

test("an object is deleted by a request that is signed again if it fails", async (t) => {
  const fake = await Fake.start(t);
  fake.put("a.csv", "old");
  const sent = [];
  fake.before = ({ method, path }) => {
    if (path === "v1/delete-urls") return { body: { method: "DELETE", url: `${fake.url}/store/a.csv`, headers: {} } };
    sent.push(method);
    return { status: sent.length === 1 ? 503 : 204 };
  };
  await fake.presign().delete(TARGET);
  assert.deepEqual(sent, ["DELETE", "DELETE"]);
  assert.deepEqual(fake.calls, ["POST delete-urls", "POST delete-urls"]);
  assert.deepEqual(fake.requests[0].body, TARGET);
});

test("a listing goes from page to page", async (t) => {
  const fake = await Fake.start(t);
  const object = { key: "a b/1", size: 5, etag: '"e"', last_modified: "2026-03-01T12:15:00Z" };
  fake.before = ({ query }) => ({
    body: query.after ? { prefixes: [], objects: [object] } : { prefixes: ["a b/c/"], objects: [], next: "+/=" },
  });
  const entries = await Array.fromAsync(fake.presign().list({ bucket: "reports", prefix: "a b/" }));
  const { last_modified: time, ...entry } = object;
  assert.deepEqual(entries, [{ key: "a b/c/" }, { ...entry, lastModified: new Date(time) }]);
  const first = { bucket: "reports", prefix: "a b/", delimiter: "/" };
  assert.deepEqual(fake.requests.map(({ query }) => query), [first, { ...first, after: "+/=" }]);
  fake.requests = [];
  await Array.fromAsync(fake.presign().list({ bucket: "reports", prefix: "a/../", recursive: true }));
  assert.deepEqual(fake.requests[0].query, { bucket: "reports", prefix: "a/../" });
});

test("versions are listed from page to page, with the delete markers", async (t) => {
  const fake = await Fake.start(t);
  const version = (id, more) => ({ key: "a b/1", version_id: id, last_modified: "2026-03-01T12:15:00Z", ...more });
  const marker = version("v2", { is_latest: true, is_delete_marker: true });
  const before = version("v1", { is_latest: false, is_delete_marker: false, size: 5, etag: '"e"' });
  fake.before = ({ query }) => ({
    body: query.after ? { prefixes: [], versions: [before] } : { prefixes: ["a b/c/"], versions: [marker], next: "v2/a" },
  });
  const [folder, deleted, old, ...others] = await Array.fromAsync(
    fake.presign().versions({ bucket: "reports", prefix: "a b/" }),
  );
  const lastModified = new Date("2026-03-01T12:15:00Z");
  const more = { size: undefined, etag: undefined, lastModified };
  assert.deepEqual(folder, { key: "a b/c/" });
  assert.deepEqual(deleted, { key: "a b/1", versionId: "v2", isLatest: true, isDeleteMarker: true, ...more });
  const sizes = { size: 5, etag: '"e"', lastModified };
  assert.deepEqual(old, { key: "a b/1", versionId: "v1", isLatest: false, isDeleteMarker: false, ...sizes });
  assert.deepEqual(others, []);
  const first = { bucket: "reports", prefix: "a b/", delimiter: "/" };
  assert.deepEqual(fake.requests.map(({ query }) => query), [first, { ...first, after: "v2/a" }]);
  assert.deepEqual(fake.calls, Array(2).fill("GET object-versions"));
});

test("a listing that is aborted asks for no further page", async (t) => {
  const fake = await Fake.start(t);
  const stop = new AbortController();
  fake.before = () => ({ body: { prefixes: ["a/"], versions: [], next: "again" } });
  const listing = fake.presign().versions({ bucket: "reports", recursive: true, signal: stop.signal });
  await listing.next();
  stop.abort();
  await assert.rejects(listing.next(), { name: "AbortError" });
  assert.equal(fake.requests.length, 1);
});

test("a list whose pages are all the same ends", { timeout: 10_000 }, async (t) => {
  const fake = await Fake.start(t);
  fake.before = () => ({ body: { links: [], prefixes: ["a/"], objects: [], next: "again" } });
  const presign = fake.presign();
  for (const listing of [presign.links(), presign.list({ bucket: "reports" })]) {
    const error = await Array.fromAsync(listing).catch((thrown) => thrown);
    assert.equal(error.code, "not_presign");
  }
  assert.equal(fake.requests.length, 4);
});
