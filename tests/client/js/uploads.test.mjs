import assert from "node:assert/strict";
import { test } from "node:test";

import { send } from "../../../client/js/src/presign.js";
import { partSizeOf } from "../../../client/js/src/job.js";
import { Fake, TOKEN, problem, s3Error, sha256 } from "./fake.mjs";

const CONTENT = "abcdefghijklmnopqrstuvw"; // 23 bytes: five parts of 5
const FILE = new File([CONTENT], "a.csv", { type: "text/csv", lastModified: 1 });
const TARGET = { bucket: "reports", key: "a b+ü.csv" };
const PARTS = { ...TARGET, partSize: 5, parallel: 2 };

const streamOf = (text) => new Blob([text]).stream();
/** Answers the first request to the store, and no other. */
function onceAtTheStore(fake, answer) {
  fake.before = ({ path }) => {
    if (!path.startsWith("store/")) return undefined;
    fake.before = () => undefined;
    return answer;
  };
}

test("a small file is one request with its checksum", async (t) => {
  const fake = await Fake.start(t);
  const done = await fake.presign().upload(FILE, TARGET);
  const checksum = { algorithm: "SHA256", value: sha256(CONTENT) };
  assert.equal(fake.content(TARGET.key), CONTENT);
  assert.deepEqual({ ...done, etag: 0 }, { ...TARGET, size: 23, checksum, etag: 0, versionId: "v1" });
  assert.deepEqual(fake.calls, ["POST upload-urls"]);
  const [{ body }, { headers }] = fake.requests;
  assert.deepEqual(body, { ...TARGET, content_length: 23, checksum, content_type: "text/csv" });
  assert.equal(headers["content-length"], "23");
  assert.equal(headers.authorization, undefined);
});

test("a request that a backend signed is sent once, with progress", async (t) => {
  const fake = await Fake.start(t);
  const body = { ...TARGET, content_length: 23, content_type: "text/csv" };
  const signed = await fake.presign().call("POST", "v1/upload-urls", { body });
  const seen = [];
  const done = await send(signed, FILE, { onProgress: (progress) => seen.push(progress) });
  assert.equal(done.versionId, "v1");
  assert.equal(fake.content(TARGET.key), CONTENT);
  assert.deepEqual(seen.at(-1), { sent: 23, total: 23, stage: "sending" });

  fake.before = () => s3Error(503, "SlowDown");
  const refused = { name: "PresignError", code: "storage_unavailable", status: 503, attempts: 1 };
  await assert.rejects(send(signed, FILE), refused);
  assert.equal(fake.requests.filter(({ path }) => path.startsWith("store/")).length, 2);
});

test("an empty file is one request, even if parts are asked for", async (t) => {
  const fake = await Fake.start(t);
  await fake.presign().upload(new Blob(), { ...TARGET, operation: "multipart" });
  assert.equal(fake.content(TARGET.key), "");
});

test("a large file goes up in parts, signed in windows", async (t) => {
  const fake = await Fake.start(t);
  const done = await fake.presign().upload(FILE, { ...PARTS, metadata: { author: "ann" } });
  assert.equal(fake.content(TARGET.key), CONTENT);
  assert.equal(done.versionId, "v2");
  assert.deepEqual(done.checksum, { algorithm: "SHA256", value: fake.objects.get(TARGET.key).checksum });
  assert.deepEqual(fake.created.metadata, { author: "ann", "presign-part-size": "5" });
  const windows = fake.requests.filter(({ path }) => path.endsWith("/part-urls"));
  assert.deepEqual(windows.map(({ body }) => body.part_numbers), [[1, 2], [3, 4], [5]]);
});

test("no more parts are sent at a time than allowed", async (t) => {
  const fake = await Fake.start(t);
  let [sending, most] = [0, 0];
  fake.before = async ({ query }) => {
    if (!query.part) return undefined;
    most = Math.max(most, (sending += 1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    sending -= 1;
    return undefined;
  };
  await fake.presign().upload(FILE, PARTS);
  assert.equal(most, 2);
});

test("a part has the size that the service would choose", () => {
  const cases = [[1, 8], [2 ** 30, 8], [50 * 2 ** 30, 52], [100 * 2 ** 30, 64], [2 ** 40, 105], [5 * 2 ** 40, 525]];
  for (const [size, mebibytes] of cases) assert.equal(partSizeOf(size), mebibytes * 2 ** 20);
});

test("a stream goes up in parts, however it is cut", async (t) => {
  const fake = await Fake.start(t);
  for (const [cut, partSize] of [[1, 5], [7, 5], [23, 5], [23, 23], [4, 100]]) {
    const chunks = Array.from({ length: Math.ceil(23 / cut) }, (_, i) => CONTENT.slice(i * cut, (i + 1) * cut));
    const stream = ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
    await fake.presign().upload(stream, { ...PARTS, key: `${cut}-${partSize}`, size: 23, partSize });
    assert.equal(fake.content(`${cut}-${partSize}`), CONTENT);
  }
});

test("a stream of another size leaves nothing at the store", async (t) => {
  const fake = await Fake.start(t);
  for (const size of [22, 24, 25])
    await assert.rejects(fake.presign().upload(streamOf(CONTENT), { ...PARTS, size }), { code: "source_changed" });
  assert.deepEqual([fake.objects.size, fake.uploads.size], [0, 0]);
  await assert.rejects(fake.presign().upload(streamOf(CONTENT), PARTS), TypeError);
});

test("an existing object is refused before a byte is sent", async (t) => {
  const fake = await Fake.start(t);
  fake.put(TARGET.key, "before");
  const refusal = { code: "object_exists", status: 412 };
  await assert.rejects(fake.presign().upload(FILE, TARGET), { ...refusal, store: fake.url });
  await assert.rejects(fake.presign().upload(FILE, PARTS), refusal);
  assert.equal(fake.content(TARGET.key), "before");
  assert.deepEqual([fake.parts, fake.uploads.size], [[], 0]);
});

test("an existing object is replaced on request", async (t) => {
  const fake = await Fake.start(t);
  for (const options of [TARGET, PARTS]) {
    fake.put(TARGET.key, "before");
    await fake.presign().upload(FILE, { ...options, overwrite: true });
    assert.equal(fake.content(TARGET.key), CONTENT);
  }
});

test("progress counts bytes up to the whole", async (t) => {
  const fake = await Fake.start(t);
  for (const [options, last] of [[TARGET, "sending"], [PARTS, "completing"]]) {
    const seen = [];
    await fake.presign().upload(FILE, { ...options, onProgress: (at) => seen.push(at), overwrite: true });
    const sent = seen.map((at) => at.sent);
    assert.deepEqual(sent, sent.toSorted((one, other) => one - other));
    assert.deepEqual(seen.at(-1), { sent: 23, total: 23, stage: last });
    assert.equal(seen[0].sent, 0);
  }
});

test("an expired URL is requested again, once", async (t) => {
  const fake = await Fake.start(t);
  for (const options of [TARGET, PARTS]) {
    onceAtTheStore(fake, s3Error(403, "AccessDenied"));
    await fake.presign().upload(FILE, { ...options, overwrite: true });
    assert.equal(fake.content(TARGET.key), CONTENT);
  }
  fake.before = ({ path }) => (path.startsWith("store/") ? s3Error(403, "AccessDenied") : undefined);
  await assert.rejects(fake.presign().upload(FILE, { ...TARGET, overwrite: true }), {
    ...{ code: "storage_refused", status: 403, attempts: 2 },
    detail: "The store refused: HTTP 403, AccessDenied.",
  });
});

test("a store that fails is tried six times", async (t) => {
  const fake = await Fake.start(t);
  fake.before = ({ path }) => (path.startsWith("store/") ? s3Error(503, "SlowDown") : undefined);
  const failure = { code: "storage_unavailable", attempts: 6 };
  await assert.rejects(fake.presign().upload(FILE, TARGET), failure);
  assert.deepEqual(fake.waits, [0.5, 1, 2, 4, 8]);
});

test("a lost answer is no refusal if the store has the bytes", async (t) => {
  const fake = await Fake.start(t);
  let content = CONTENT;
  fake.before = ({ path, query }) => {
    if (!path.startsWith("store/") || query.part || fake.objects.size) return undefined;
    fake.put(TARGET.key, content);
    return "cut";
  };
  const done = await fake.presign().upload(FILE, TARGET);
  assert.equal(done.size, 23);
  fake.objects.clear();
  content = "of somebody else";
  await assert.rejects(fake.presign().upload(FILE, TARGET), { code: "object_exists", attempts: 2 });
});

test("a failed part stops the others and aborts the upload", { timeout: 9000 }, async (t) => {
  const fake = await Fake.start(t);
  let other;
  fake.before = ({ query, closed }) => {
    if (query.part === "2") other = closed;
    if (query.part === "2") return closed; // by the client
    return query.part === "1" ? s3Error(409, "OperationAborted") : undefined;
  };
  await assert.rejects(fake.presign().upload(FILE, PARTS), { code: "write_conflict" });
  await other;
  assert.equal(fake.uploads.size, 0);
  assert.deepEqual(fake.parts, fake.parts.filter((number) => number < 3));
});

test("bytes that the store got wrong are sent again", async (t) => {
  const fake = await Fake.start(t);
  onceAtTheStore(fake, s3Error(400, "BadDigest"));
  await fake.presign().upload(FILE, PARTS);
  assert.equal(fake.content(TARGET.key), CONTENT);
});

test("an object of other bytes is reported", async (t) => {
  const fake = await Fake.start(t);
  fake.before = async ({ path }) => {
    if (path !== "v1/object-checks" || !fake.objects.size) return undefined;
    return { body: { found: true, content_length: 23, checksums: { SHA256: "AAAA-5" }, mismatches: [] } };
  };
  await assert.rejects(fake.presign().upload(FILE, PARTS), { code: "checksum_mismatch" });
});

test("without a grant for checks nothing is compared", async (t) => {
  const fake = await Fake.start(t);
  fake.denied.add("v1/object-checks");
  await fake.presign().upload(FILE, PARTS);
  assert.equal(fake.content(TARGET.key), CONTENT);
});

test("without a grant for parts one request is sent", async (t) => {
  const fake = await Fake.start(t);
  fake.denied.add("v1/multipart-uploads");
  await fake.presign().upload(FILE, PARTS);
  assert.equal(fake.content(TARGET.key), CONTENT);
  const chosen = { ...PARTS, operation: "multipart", overwrite: true };
  await assert.rejects(fake.presign().upload(FILE, chosen), { code: "forbidden" });
});

test("ETags that are hidden are read from the list", async (t) => {
  const fake = await Fake.start(t);
  fake.showsEtags = false;
  const done = await fake.presign().upload(FILE, PARTS);
  assert.equal(fake.content(TARGET.key), CONTENT);
  assert.equal(typeof done.etag, "string");
});

test("an aborted upload leaves nothing at the store", async (t) => {
  const fake = await Fake.start(t);
  const stop = new AbortController();
  fake.before = ({ query }) => void (query.part === "3" && stop.abort(new Error("enough")));
  await assert.rejects(fake.presign().upload(FILE, { ...PARTS, signal: stop.signal }), { message: "enough" });
  assert.deepEqual([fake.objects.size, fake.uploads.size], [0, 0]);
});

test("an abort while an upload is created leaves no upload", async (t) => {
  const fake = await Fake.start(t);
  const stop = new AbortController();
  fake.before = ({ path }) => void (path === "v1/multipart-uploads" && stop.abort());
  await assert.rejects(fake.presign().upload(FILE, { ...PARTS, signal: stop.signal }), { name: "AbortError" });
  assert.deepEqual([fake.calls.at(-1).startsWith("DELETE"), fake.uploads.size], [true, 0]);
});

test("the creation of an upload is not repeated", async (t) => {
  const fake = await Fake.start(t);
  for (const answer of ["cut", problem(503, "overloaded")]) {
    fake.requests = [];
    fake.before = ({ path }) => (path === "v1/multipart-uploads" ? answer : undefined);
    await assert.rejects(fake.presign().upload(FILE, PARTS), { attempts: 1 });
    assert.deepEqual(fake.calls, ["POST object-checks", "POST multipart-uploads"]);
  }
});

test("no error shows the token or a signed URL", async (t) => {
  const fake = await Fake.start(t);
  for (const answer of ["cut", s3Error(403, "AccessDenied"), { status: 403, body: "X-Amz-Signature=1" }]) {
    fake.before = ({ path }) => (path.startsWith("store/") ? answer : undefined);
    const error = await fake.presign().upload(FILE, TARGET).catch((failed) => failed);
    const shown = `${error.stack} ${JSON.stringify(error)} ${error.cause}`;
    for (const secret of [TOKEN, "X-Amz-", "store/"]) assert.ok(!shown.includes(secret), shown);
  }
});
