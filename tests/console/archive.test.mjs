import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";

import { page } from "./page.mjs";

const { archiveBatch } = await page("archive.js");
const { PresignError } = await page("client/errors.js");

/** The texts of a small ZIP by name. zip.test.mjs has other programs read one. */
function unzip(bytes) {
  const found = {};
  const end = bytes.length - 22;
  assert.equal(bytes.readUInt32LE(end), 0x06054b50);
  for (let at = bytes.readUInt32LE(end + 16); at < end; ) {
    const [crc, size] = [16, 20].map((offset) => bytes.readUInt32LE(at + offset));
    const [nameLength, extraLength] = [28, 30].map((offset) => bytes.readUInt16LE(at + offset));
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const content = bytes.subarray(start, start + size);
    assert.equal(crc32(content), crc, name);
    found[name] = content.toString();
    at += 46 + nameLength + extraLength;
  }
  assert.equal(Object.keys(found).length, bytes.readUInt16LE(end + 10));
  return found;
}

/** A service and a store in memory: `answers` are functions of the request, by key, and otherwise the objects. */
function start(t, objects, answers = {}) {
  const seen = { fetched: [], chunks: [], isEnded: false, isAborted: false };
  const client = {
    downloadUrl: async ({ key }) => {
      seen.onSign?.(key);
      return { url: `http://store.example/${encodeURIComponent(key)}` };
    },
  };
  const given = globalThis.fetch;
  t.after(() => (globalThis.fetch = given));
  globalThis.fetch = async (url, { headers }) => {
    const key = decodeURIComponent(new URL(url).pathname.slice(1));
    seen.fetched.push(headers.range ? `${key} ${headers.range}` : key);
    const answer = answers[key]?.(headers);
    if (answer) return answer;
    const body = objects[key];
    return new Response(body, { headers: { "content-length": body.length, etag: `"${key}"` } });
  };
  const target = {
    most: Infinity,
    write: async (bytes) => void seen.chunks.push(bytes),
    end: async () => void (seen.isEnded = true),
    abort: async () => void (seen.isAborted = true),
  };
  const files = Object.entries(objects).map(([key, body]) => ({ key, size: body.length, etag: `"${key}"`, lastModified: new Date() }));
  const made = archiveBatch({ client }, { bucket: "objects", folder: "in/", files, target });
  const contents = () => unzip(Buffer.concat(seen.chunks));
  return { ...made, seen, contents };
}

const OBJECTS = { "in/a.txt": "aaa", "in/deep/": "", "in/deep/b.txt": "b".repeat(5000), "in/c.txt": "cc" };
const CONTENTS = { "a.txt": "aaa", "deep/": "", "deep/b.txt": "b".repeat(5000), "c.txt": "cc" };

test("a ZIP has all files below the folder", async (t) => {
  const { batch, archive, seen, contents } = start(t, OBJECTS);
  await batch.run();
  assert.deepEqual([batch.state, batch.done, archive.sent, seen.isEnded], ["done", 4, 5005, true]);
  assert.deepEqual(contents(), CONTENTS);
  assert.deepEqual(seen.fetched.sort(), ["in/a.txt", "in/c.txt", "in/deep/b.txt"]);
});

const WRONG = [
  ["no longer there", () => new Response("", { status: 404 }), "It is no longer there."],
  ["refused", () => new Response("", { status: 403 }), "The storage refused it: HTTP 403."],
  ["another size", () => new Response("aaaa", { headers: { "content-length": 4 } }), "It was changed since the list was read."],
  ["another ETag", () => new Response("bbb", { headers: { etag: '"other"' } }), "It was changed since the list was read."],
];
for (const [why, answer, sentence] of WRONG)
  test(`a file that cannot be begun is listed in the ZIP: ${why}`, async (t) => {
    const { batch, contents } = start(t, OBJECTS, { "in/a.txt": answer });
    await batch.run();
    assert.deepEqual(batch.failures.map(({ item, error }) => [item.name, error.message]), [["a.txt", sentence]]);
    const { "Files that are missing.txt": missing, ...others } = contents();
    assert.equal(missing, `a.txt: ${sentence}\r\n`);
    assert.deepEqual(Object.keys(others), ["deep/", "deep/b.txt", "c.txt"]);
  });

/** A body that ends too early, with an error or without. */
const broken = (start, error) =>
  new ReadableStream({
    pull(controller) {
      if (start) controller.enqueue(new TextEncoder().encode(start));
      start = "";
      if (error) controller.error(new TypeError("network error"));
      else controller.close();
    },
  });

/** A body whose first bytes arrive before the connection ends. */
const cut = (start) =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(start));
      setTimeout(() => controller.error(new TypeError("network error")), 5);
    },
  });

test("a file whose connection ends is asked for the rest", async (t) => {
  const answer = ({ range }) => {
    if (!range) return new Response(cut("bb"), { headers: { "content-length": 5000 } });
    return new Response("b".repeat(4998), { status: 206, headers: { "content-length": 4998 } });
  };
  const { batch, seen, contents } = start(t, OBJECTS, { "in/deep/b.txt": answer });
  await batch.run();
  assert.deepEqual(contents(), CONTENTS);
  assert.ok(seen.fetched.includes("in/deep/b.txt bytes=2-"));
});

for (const error of [new PresignError("unauthenticated", "It ran out.", { status: 401 }), null])
  test(`a file goes on where it was when all waited: ${error?.status}`, async (t) => {
    let isBack = false;
    const answer = ({ range }) => {
      if (isBack) return new Response("b".repeat(4998), { status: 206, headers: { "content-length": 4998 } });
      if (range) return Promise.reject(new TypeError("network error"));
      return new Response(cut("bb"));
    };
    const { batch, archive, seen, contents } = start(t, OBJECTS, { "in/deep/b.txt": answer });
    const signed = [];
    seen.onSign = (key) => {
      signed.push(key);
      if (error && !isBack && signed.filter((each) => each === "in/deep/b.txt").length > 1) throw error;
    };
    await batch.run();
    assert.deepEqual([batch.state, batch.done, batch.failures, seen.isAborted], ["paused", 2, [], false]);
    isBack = true;
    await batch.run();
    assert.deepEqual([batch.state, archive.sent, contents()], ["done", 5005, CONTENTS]);
  });

test("a file that has changed in a pause ends the ZIP", async (t) => {
  let isBack = false;
  const answer = ({ range }) => {
    if (isBack) return new Response("", { status: 404 });
    return range ? Promise.reject(new TypeError("network error")) : new Response(cut("bb"));
  };
  const { batch } = start(t, OBJECTS, { "in/deep/b.txt": answer });
  await batch.run();
  isBack = true;
  await batch.run();
  assert.deepEqual([batch.state, batch.error.message], ["failed", "deep/b.txt: It is no longer there."]);
});

test("a body that is too short is asked for the rest", async (t) => {
  const answer = ({ range }) =>
    range ? new Response("a", { status: 206 }) : new Response(broken("aa", false), { headers: { "content-length": 3 } });
  const { batch, seen, contents } = start(t, OBJECTS, { "in/a.txt": answer });
  await batch.run();
  assert.deepEqual(contents(), CONTENTS);
  assert.ok(seen.fetched.includes("in/a.txt bytes=2-"));
});

test("a file that is named like a folder is listed in the ZIP", async (t) => {
  const { batch, contents } = start(t, { ...OBJECTS, "in/odd/": "content" });
  await batch.run();
  assert.equal(contents()["Files that are missing.txt"], "odd/: It has a folder's name, and is a file.\r\n");
  assert.equal(batch.failures.length, 1);
});

for (const error of [true, false])
  test(`a file that ends too early ends the ZIP, and nothing is saved: ${error}`, async (t) => {
    const answer = ({ range }) =>
      range ? new Response("", { status: 416 }) : new Response(broken("aa", error), { headers: error ? { "content-length": 3 } : {} });
    const { batch, seen } = start(t, OBJECTS, { "in/a.txt": answer });
    await batch.run();
    await new Promise(setImmediate);
    assert.deepEqual([batch.state, seen.isEnded, seen.isAborted], ["failed", false, true]);
    assert.match(batch.error.message, /^a\.txt: /);
  });

test("a file that is stored compressed is in the ZIP as browsers show it", async (t) => {
  const answer = () => new Response("longer than it is", { headers: { "content-length": 3 } });
  const { batch, contents } = start(t, OBJECTS, { "in/a.txt": answer });
  await batch.run();
  assert.equal(contents()["a.txt"], "longer than it is");
});

test("a ZIP goes on after a new sign-in, and lacks nothing", async (t) => {
  const { batch, seen, contents } = start(t, OBJECTS);
  let isIn = true;
  seen.onSign = (key) => {
    if (key === "in/deep/b.txt") isIn = isIn === "again" && isIn;
    if (!isIn) throw new PresignError("unauthenticated", "It ran out.", { status: 401 });
  };
  await batch.run();
  assert.equal(batch.state, "paused");
  isIn = "again";
  await batch.run();
  assert.deepEqual(contents(), CONTENTS);
});

test("a cancelled ZIP is not saved", async (t) => {
  const { batch, seen } = start(t, OBJECTS);
  seen.onSign = () => batch.cancel();
  await batch.run();
  await new Promise(setImmediate);
  assert.deepEqual([batch.state, seen.isEnded, seen.isAborted], ["cancelled", false, true]);
});
