import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./page.mjs";

const { Batch } = await page("batch.js");
const { batchWords } = await page("batch_words.js");
const { PresignError } = await page("client/errors.js");

const refused = (status, more) => new PresignError("refused", "No.", { status, ...more });
const sum = ({ state, done, left, failures }) => [state, done, left, failures.map(({ item }) => item)];

test("what fails does not stop the others, and is done again", async () => {
  let isBroken = true;
  const batch = new Batch([1, 2, 3], async (item) => {
    if (item === 2 && isBroken) throw refused(403);
  });
  await batch.run();
  assert.deepEqual(sum(batch), ["done", 2, 0, [2]]);
  isBroken = false;
  await batch.again();
  assert.deepEqual(sum(batch), ["done", 3, 0, []]);
});

const INTERRUPTIONS = [refused(401), new PresignError("unreachable", "Gone.", { store: "http://s.example" })];
for (const error of INTERRUPTIONS)
  test(`${error.code} ${error.status}: what is left is kept, and goes on`, async () => {
    const acted = [];
    let isIn = false;
    const batch = new Batch([1, 2, 3], async (item) => {
      acted.push(item);
      if (item === 2 && !isIn) throw error;
    });
    await batch.run();
    assert.deepEqual(sum(batch), ["paused", 1, 2, []]);
    assert.equal(batch.error, error);
    isIn = true;
    await batch.run();
    assert.deepEqual([sum(batch), acted], [["done", 3, 0, []], [1, 2, 2, 3]]);
  });

test("Go on, pressed twice, goes on once", async () => {
  const seen = [];
  let release;
  const act = async (item) => {
    seen.push(item);
    if (item === 1) await new Promise((resolve) => (release = resolve));
    await new Promise(setImmediate);
  };
  const batch = new Batch([1, 2, 3], act, { end: () => new Promise(setImmediate).then(() => seen.push("end")) });
  const first = batch.run();
  await new Promise(setImmediate);
  batch.pause();
  const pressed = [batch.run(), batch.run()];
  assert.equal(batch.state, "starting");
  release();
  await Promise.all([first, ...pressed, new Promise(setImmediate).then(() => batch.run())]);
  assert.deepEqual([sum(batch), seen], [["done", 3, 0, []], [1, 2, 3, "end"]]);
});

test("a pause holds a batch that has not gone on yet", async () => {
  const batch = new Batch([1], async () => {});
  const run = batch.run();
  batch.pause();
  await run;
  assert.deepEqual(sum(batch), ["paused", 0, 1, []]);
});

test("Try again, pressed twice, drops nothing", async () => {
  let isBroken = true;
  const batch = new Batch([1, 2], async () => {
    if (isBroken) throw refused(403);
    await new Promise(setImmediate);
  });
  await batch.run();
  isBroken = false;
  await Promise.all([batch.again(), batch.again()]);
  assert.deepEqual(sum(batch), ["done", 2, 0, []]);
});

test("what failed is done again after a cancel, and the rest is left", async () => {
  const seen = [];
  const batch = new Batch([1, 2, 3], async (item, signal) => {
    seen.push([item, signal.aborted]);
    if (item === 2) return batch.cancel();
    if (seen.length === 1) throw refused(403);
  });
  await batch.run();
  await batch.again();
  assert.deepEqual([sum(batch), seen], [["done", 2, 1, []], [[1, false], [2, false], [1, false]]]);
});

test("a 401 of a store is one file's failure", async () => {
  const batch = new Batch([1], () => Promise.reject(refused(401, { store: "http://s.example" })));
  await batch.run();
  assert.deepEqual(sum(batch), ["done", 0, 0, [1]]);
});

test("all that run at once are kept when the session ends", async () => {
  const batch = new Batch([1, 2, 3, 4], () => Promise.reject(refused(401)), { parallel: 2 });
  await batch.run();
  assert.deepEqual(sum(batch), ["paused", 0, 4, []]);
});

test("a cancelled batch ends what runs, and then clears up", async () => {
  const seen = [];
  const batch = new Batch(
    [1, 2],
    async (item, signal) => {
      batch.cancel();
      await null;
      seen.push(`${item} ${signal.aborted}`);
    },
    { end: () => seen.push("end"), abort: () => seen.push("abort") },
  );
  await batch.run();
  await null;
  assert.deepEqual([seen, sum(batch)], [["1 true", "abort"], ["cancelled", 1, 1, []]]);
});

test("a batch that is cancelled in a pause clears up", async () => {
  let isClear = false;
  const batch = new Batch([1], () => Promise.reject(refused(401)), { abort: () => (isClear = true) });
  await batch.run();
  batch.cancel();
  await null;
  assert.ok(isClear);
});

test("an end that fails is the failure of the batch", async () => {
  const batch = new Batch([1], async () => {}, { end: () => Promise.reject(new Error("No space.")) });
  await batch.run();
  assert.deepEqual([batch.state, batch.error.message], ["failed", "No space."]);
});

test("a batch says what was done and what was skipped", () => {
  const words = batchWords("Moving", "moved", { nameOf: String, skipped: () => 2 });
  const batch = { total: 20, done: 18, failures: [1] };
  assert.equal(words.running(batch), "Moving: 19 of 20 files");
  assert.equal(words.left(batch), "16 of 20 files moved, 2 skipped.");
  assert.equal(batchWords("Moving", "moved", { nameOf: String }).done({ total: 1 }), "1 file moved.");
});
