import assert from "node:assert/strict";
import { test } from "node:test";

import { useDocument } from "./fake_document.mjs";
import { page } from "./page.mjs";

const { Deletions } = await page("deletions.js");
const UNDO_MS = 8000;

test("a late answer leaves the deletion of what came since", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  useDocument("toasts", "status", "where");
  const [asked, done] = [[], []];
  const client = {
    delete: ({ etag }) => new Promise((resolve, reject) => asked.push({ etag, resolve, reject })),
  };
  const deletions = new Deletions({ client }, ({ isDone }) => isDone && done.push(isDone));
  const place = { bucket: "b", key: "a" };
  deletions.begin({ ...place, etag: "1" }, "Deleted a");
  t.mock.timers.tick(UNDO_MS);
  deletions.cancel("b", "a"); // it was uploaded again
  deletions.begin({ ...place, etag: "2" }, "Deleted a");
  asked[0].reject(new Error("late"));
  await new Promise(setImmediate);
  assert.ok(deletions.has(place));
  t.mock.timers.tick(UNDO_MS);
  asked[1].resolve();
  await new Promise(setImmediate);
  assert.deepEqual([asked.map(({ etag }) => etag), done, deletions.has(place)], [["1", "2"], [true], false]);
});
