import assert from "node:assert/strict";
import { test } from "node:test";

import { Fake, problem, s3Error } from "./fake.mjs";

const ETAG = '"9bb58f26192e4ba00f01e2e7b136bbd8"';
const GONE = "gone";
const MOVE = { bucket: "reports", key: "a b.csv", targetKey: "b.csv", etag: ETAG };
const COPIED = { status: 200, body: "<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>" };

/** A service that signs copies and deletions, and a store that answers them. */
async function start(t, { copy = COPIED, deletion = { status: 204 }, etag = ETAG } = {}) {
  const fake = await Fake.start(t);
  const url = `${fake.url}/store/a?op=`;
  fake.before = ({ path, method, body, query }) => {
    const creates = body?.overwrite ? {} : { "if-none-match": "*" };
    const condition = body?.source?.etag ? { "x-amz-copy-source-if-match": body.source.etag } : {};
    const headers = { "x-amz-copy-source": "acme/a%20b.csv", ...condition, ...creates };
    if (path === "v1/copy-urls") return { body: { method: "PUT", url: `${url}copy`, headers } };
    if (path === "v1/delete-urls") return { body: { method: "DELETE", url: `${url}delete`, headers: {} } };
    if (fake.denied.has(path)) return undefined;
    const reads = { "v1/head-urls": "HEAD", "v1/download-urls": "GET" };
    if (path in reads) return { body: { method: reads[path], url: `${url}read`, headers: {} } };
    if (query.op === "read" && etag === GONE) return { status: 404 };
    if (query.op === "read") return { headers: etag ? { etag } : {}, body: method === "HEAD" ? undefined : "a,b" };
    return method === "PUT" ? copy : deletion;
  };
  fake.deletions = () => fake.requests.filter(({ method }) => method === "DELETE");
  return fake;
}

const codeOf = (promise) => promise.then(() => "done", (error) => error.code);

test("a copy names its source, and has no body", async (t) => {
  const fake = await start(t);
  await fake.presign().copy({ ...MOVE, targetBucket: "archive", versionId: "v1" });
  const [signed, sent] = fake.requests;
  const source = { bucket: "reports", key: "a b.csv", version_id: "v1", etag: ETAG };
  assert.deepEqual(signed.body, { bucket: "archive", key: "b.csv", source });
  assert.equal(sent.headers["x-amz-copy-source"], "acme/a%20b.csv");
  assert.equal(sent.bytes.length, 0);
  assert.equal(sent.headers.authorization, undefined);
});

test("a copy says its ETag, if the store does", async (t) => {
  for (const [said, etag] of [["&quot;e&quot;", '"e"'], ["&#34;e&#34;", '"e"'], ['"e-2"', '"e-2"'], ["e", '"e"'], ["", null]]) {
    const fake = await start(t, { copy: { status: 200, body: `<CopyObjectResult><ETag>${said}</ETag></CopyObjectResult>` } });
    assert.deepEqual(await fake.presign().copy(MOVE), { etag });
  }
});

test("a move deletes what it has copied", async (t) => {
  const fake = await start(t);
  await fake.presign().move(MOVE);
  assert.deepEqual(fake.calls, ["POST copy-urls", "POST delete-urls"]);
  assert.equal(fake.deletions()[0].headers["if-match"], ETAG);
});

const TOO_LARGE = "The specified copy source is larger than the maximum allowable size for a copy source";
const FAILURES = [
  ["storage_refused", { status: 200, body: "<Error><Code>AccessDenied</Code></Error>" }],
  ["storage_unavailable", { status: 200, body: "<Error><Code>SlowDown</Code></Error>" }],
  ["storage_unavailable", { status: 200, body: "" }],
  ["copy_too_large", { status: 400, body: `<Error><Code>InvalidRequest</Code>${TOO_LARGE}</Error>` }],
  ["object_exists", s3Error(412, "PreconditionFailed")],
  ["source_changed", { status: 412, body: "<Condition>x-amz-copy-source-If-Match</Condition>" }],
  ["not_found", s3Error(404, "NoSuchKey")],
];
for (const [code, copy] of FAILURES)
  test(`a copy that fails with ${code} leaves the original: ${copy.body.slice(0, 40)}`, async (t) => {
    const fake = await start(t, { copy });
    assert.equal(await codeOf(fake.presign().move(MOVE)), code);
    assert.deepEqual(fake.deletions(), []);
  });

const UNNAMED = s3Error(412, "PreconditionFailed");
const NEWER = '"0cc175b9c0f1b6a831c399e269772661"';
const CAUSES = [
  ["the target is taken", { etag: ETAG }, [], "object_exists"],
  ["the target is taken, and the ETag is weak", { etag: `W/${ETAG}` }, ["v1/head-urls"], "object_exists"],
  ["the source has changed", { etag: NEWER }, [], "source_changed"],
  ["the source has changed, which a GET shows", { etag: NEWER }, ["v1/head-urls"], "source_changed"],
  ["the source is gone", { etag: GONE }, [], "not_found"],
  ["the source cannot be looked at", { etag: NEWER }, ["v1/head-urls", "v1/download-urls"], "precondition_failed"],
  ["the store shows no ETag", { etag: null }, [], "precondition_failed"],
];
for (const [what, options, denied, code] of CAUSES)
  test(`a store that names no condition: ${what}`, async (t) => {
    const fake = await start(t, { copy: UNNAMED, ...options });
    denied.forEach((path) => fake.denied.add(path));
    await assert.rejects(fake.presign().copy(MOVE), (error) => {
      assert.deepEqual([error.code, error.attempts, error.store], [code, 1, fake.url]);
      return true;
    });
    assert.equal(fake.calls.filter((call) => call === "POST copy-urls").length, 1);
  });

test("a token that ends before the look is said", async (t) => {
  const fake = await start(t, { copy: UNNAMED });
  const { before } = fake;
  fake.before = (seen) => (seen.path === "v1/head-urls" ? problem(401, "unauthenticated") : before(seen));
  assert.equal(await codeOf(fake.presign().copy(MOVE)), "unauthenticated");
});

const SAID = [
  ["object_exists", { status: 412, body: "<Condition>If-None-Match</Condition>" }, MOVE],
  ["source_changed", { status: 412, body: "<Condition>x-amz-copy-source-If-Match</Condition>" }, MOVE],
  ["object_exists", { status: 412, body: "<Key>x-amz-copy-source</Key>" }, { ...MOVE, etag: undefined }],
];
for (const [code, copy, options] of SAID)
  test(`what is said needs no look: ${code} by ${copy.body}`, async (t) => {
    const fake = await start(t, { copy, etag: NEWER });
    assert.equal(await codeOf(fake.presign().copy(options)), code);
    assert.deepEqual(fake.calls, ["POST copy-urls"]);
  });

test("a copy of what is gone says so", async (t) => {
  for (const [code, detail] of [["NoSuchKey", /to be copied is not there/], ["NoSuchBucket", /NoSuchBucket/]]) {
    const fake = await start(t, { copy: s3Error(404, code) });
    await assert.rejects(fake.presign().copy(MOVE), (error) => error.code === "not_found" && detail.test(error.detail));
  }
});

const DENIED = [
  ["the source is gone", GONE, [], "not_found"],
  ["the source is there", ETAG, [], "storage_refused"],
  ["the source cannot be looked at", GONE, ["v1/head-urls", "v1/download-urls"], "storage_refused"],
];
for (const [what, etag, denied, code] of DENIED)
  test(`a copy that the store denies: ${what}`, async (t) => {
    const fake = await start(t, { copy: s3Error(403, "AccessDenied"), etag });
    denied.forEach((path) => fake.denied.add(path));
    assert.equal(await codeOf(fake.presign().copy({ ...MOVE, etag: undefined })), code);
  });

test("a version is looked at by its id", async (t) => {
  const fake = await start(t, { copy: UNNAMED });
  assert.equal(await codeOf(fake.presign().copy({ ...MOVE, versionId: "v1" })), "object_exists");
  assert.equal(fake.requests.find(({ path }) => path === "v1/head-urls").body.version_id, "v1");
});

test("a copy that overwrites fails only for its source", async (t) => {
  const fake = await start(t, { copy: s3Error(412, "PreconditionFailed") });
  assert.equal(await codeOf(fake.presign().copy({ ...MOVE, overwrite: true })), "source_changed");
});

test("a source that changed after the copy stays", async (t) => {
  const fake = await start(t, { deletion: s3Error(412, "PreconditionFailed") });
  assert.equal(await codeOf(fake.presign().move(MOVE)), "source_changed");
});

test("a source that is gone after the copy was moved", async (t) => {
  const fake = await start(t, { deletion: s3Error(404, "NoSuchKey") });
  assert.equal(await codeOf(fake.presign().move(MOVE)), "done");
});

for (const [what, denied] of [["HEAD", []], ["GET", ["v1/head-urls"]]])
  test(`a move without an ETag reads it by ${what}`, async (t) => {
    const fake = await start(t);
    denied.forEach((path) => fake.denied.add(path));
    await fake.presign().move({ ...MOVE, etag: undefined });
    const copied = fake.requests.find(({ path }) => path === "v1/copy-urls");
    assert.equal(copied.body.source.etag, ETAG);
    assert.equal(fake.deletions()[0].headers["if-match"], ETAG);
    assert.ok(fake.requests.some(({ method, query }) => method === what && query.op === "read"));
  });

test("a move is refused where no ETag can be read", async (t) => {
  const fake = await start(t, { etag: null });
  assert.equal(await codeOf(fake.presign().move({ ...MOVE, etag: undefined })), "storage_refused");
  assert.deepEqual(fake.calls, ["POST head-urls"]);
});

test("a deletion of one content only says when it has changed", async (t) => {
  const fake = await start(t, { deletion: s3Error(412, "PreconditionFailed") });
  assert.equal(await codeOf(fake.presign().delete(MOVE)), "source_changed");
  assert.equal(fake.deletions()[0].headers["if-match"], ETAG);
});

test("an object is not moved onto itself", async (t) => {
  const fake = await start(t);
  assert.equal(await codeOf(fake.presign().move({ ...MOVE, targetKey: MOVE.key })), "invalid_request");
  assert.deepEqual(fake.requests, []);
});
