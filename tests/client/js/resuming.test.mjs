import assert from "node:assert/strict";
import { test } from "node:test";

import { Fake, TOKEN, storage } from "./fake.mjs";

const CONTENT = "abcdefghijklmnopqrstuvw"; // 23 bytes: five parts of 5
const TARGET = { bucket: "reports", key: "a.csv" };
const fileOf = (text, lastModified = 1) => new File([text], "a.csv", { lastModified });
const FILE = fileOf(CONTENT);

/** Starts an upload, and interrupts it when part 4 arrives. Then the store has parts 1 to 3. */
async function interrupted(t) {
  const [fake, resume] = [await Fake.start(t), storage()];
  const options = { ...TARGET, partSize: 5, parallel: 1, resume };
  const stop = new AbortController();
  fake.before = ({ query }) => {
    if (query.part !== "4") return undefined;
    stop.abort();
    return "cut";
  };
  const upload = fake.presign().upload(FILE, { ...options, signal: stop.signal });
  await assert.rejects(upload, { name: "AbortError" });
  fake.before = () => undefined;
  assert.equal(resume.notes.size, 1);
  assert.equal(fake.uploads.size, 1);
  fake.requests = [];
  return { fake, resume, options };
}

async function resumes(t, file, change = () => {}) {
  const { fake, resume, options } = await interrupted(t);
  change(fake, resume);
  await fake.presign().upload(file, options);
  assert.equal(fake.content(TARGET.key), await file.text());
  assert.deepEqual([resume.notes.size, fake.uploads.size], [0, 0]);
  return fake.parts;
}

test("only the missing parts are sent", async (t) => assert.deepEqual(await resumes(t, FILE), [4, 5]));

test("a part that changed is sent again", async (t) => {
  const changed = `A${CONTENT.slice(1)}`;
  assert.deepEqual(await resumes(t, fileOf(changed, 2)), [1, 4, 5]);
});

test("without checksums a part's MD5 shows whether it changed", async (t) => {
  const hide = (fake) => (fake.listsChecksums = false);
  assert.deepEqual(await resumes(t, fileOf(`A${CONTENT.slice(1)}`, 2), hide), [1, 4, 5]);
  assert.deepEqual(await resumes(t, new Blob([CONTENT]), hide), [4, 5]);
});

test("without checksums and MD5s the time of the file decides", async (t) => {
  const hide = (fake) => Object.assign(fake, { listsChecksums: false, hash: "sha1" });
  assert.deepEqual(await resumes(t, FILE, hide), [4, 5]);
  assert.deepEqual(await resumes(t, fileOf(CONTENT, 2), hide), [1, 2, 3, 4, 5]);
  assert.deepEqual(await resumes(t, new Blob([CONTENT]), hide), [1, 2, 3, 4, 5]);
});

test("progress starts with what the store has", async (t) => {
  const { fake, options } = await interrupted(t);
  const seen = [];
  await fake.presign().upload(FILE, { ...options, onProgress: ({ sent }) => seen.push(sent) });
  assert.deepEqual(seen.slice(0, 3), [5, 10, 15]);
  assert.equal(seen.at(-1), 23);
});

test("a file of another size starts over", async (t) => {
  assert.deepEqual(await resumes(t, fileOf(`${CONTENT}xyz`)), [1, 2, 3, 4, 5, 6]);
});

test("an upload that is gone starts over", async (t) => {
  assert.deepEqual(await resumes(t, FILE, (fake) => fake.uploads.clear()), [1, 2, 3, 4, 5]);
});

test("an invalid note starts over", async (t) => {
  const odd = ["..", "", "a/b?c#d %2F"].map((uploadId) => ({ uploadId, size: 23, partSize: 5, checksum: "SHA256" }));
  const texts = odd.map((note) => JSON.stringify(note));
  for (const junk of ["", "{", "null", "5", "[1]", "{}", '{"uploadId": 5}', '{"uploadId": "x"}', ...texts])
    await resumes(t, FILE, (fake, { notes }) => {
      fake.uploads.clear();
      for (const name of notes.keys()) notes.set(name, junk);
    });
});

test("an upload that was completed has nothing to do", async (t) => {
  const { fake, resume, options } = await interrupted(t);
  const [[name, note]] = resume.notes;
  const first = await fake.presign().upload(FILE, options);
  resume.notes.set(name, note);
  fake.requests = [];
  const done = await fake.presign().upload(FILE, options);
  assert.deepEqual(done, { ...TARGET, size: 23, etag: first.etag, checksum: first.checksum });
  assert.deepEqual([fake.parts, resume.notes.size], [[], 0]);
});

test("a note has no secret, and its own place", async (t) => {
  const { fake, resume } = await interrupted(t);
  const [[name, note]] = resume.notes;
  assert.equal(name, `presign-upload ${fake.url}/ reports/a.csv`);
  const facts = ["uploadId", "size", "partSize", "checksum", "lastModified"];
  assert.deepEqual(Object.keys(JSON.parse(note)), facts);
  assert.ok(!note.includes(TOKEN));
});

test("an interrupted upload can be aborted", async (t) => {
  const { fake, resume } = await interrupted(t);
  await fake.presign().abortUpload({ ...TARGET, resume });
  assert.deepEqual([resume.notes.size, fake.uploads.size], [0, 0]);
  fake.requests = [];
  await fake.presign().abortUpload({ ...TARGET, resume });
  assert.deepEqual(fake.requests, []);
});

test("a storage that is full makes no difference", async (t) => {
  const fake = await Fake.start(t);
  const full = () => {
    throw new Error("QuotaExceededError");
  };
  const resume = { ...storage(), setItem: full };
  const options = { ...TARGET, partSize: 5, resume };
  await fake.presign().upload(FILE, options);
  assert.equal(fake.content(TARGET.key), CONTENT);
  fake.objects.clear();
  fake.before = ({ query }) => (query.part === "2" ? { status: 404 } : undefined);
  await assert.rejects(fake.presign().upload(FILE, options), { code: "not_found" });
  assert.equal(fake.uploads.size, 0); // it could not be resumed
});

test("an object that came meanwhile is replaced without sending again", async (t) => {
  const { fake, options } = await interrupted(t);
  fake.put(TARGET.key, "of somebody else");
  await assert.rejects(fake.presign().upload(FILE, options), { code: "object_exists" });
  fake.requests = [];
  await fake.presign().upload(FILE, { ...options, overwrite: true });
  assert.equal(fake.content(TARGET.key), CONTENT);
  assert.deepEqual(fake.parts, []);
});
