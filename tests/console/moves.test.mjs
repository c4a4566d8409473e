import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./page.mjs";

const { conflictsOf, move, movesOf, whyNot, wrongName } = await page("moves.js");
const { zipNames } = await page("zip_names.js");
const { Answer, KEEP_BOTH, REPLACE, SKIP } = await page("conflicts.js");
const { Batch, Unanswered } = await page("batch.js");
const { filesOf, keysIn } = await page("folder_contents.js");
const { PresignError } = await page("client/errors.js");

const ALL = ["list", "download", "upload", "delete"];
const GRANT = { bucket: "objects", prefix: "", allow: ALL, allow_overwrite: true };
const refused = (code, more) => new PresignError(code, "No.", { store: "http://s.example", ...more });

/** A store in memory, whose calls are those of the client. */
class FakeStore {
  objects = new Map(); // key -> etag
  calls = [];
  copyFails = [];
  deleteFails = [];
  sizes = {}; // by ETag, other than 1

  constructor(objects) {
    for (const [key, etag] of Object.entries(objects)) this.objects.set(key, etag);
  }

  async *list({ prefix, recursive }) {
    const seen = new Set();
    for (const key of [...this.objects.keys()].sort()) {
      if (!key.startsWith(prefix)) continue;
      const end = recursive ? 0 : key.indexOf("/", prefix.length) + 1;
      const shown = end ? key.slice(0, end) : key;
      if (!seen.has(shown)) {
        const etag = this.objects.get(shown);
        yield { key: shown, size: this.sizes[etag] ?? 1, etag };
      }
      seen.add(shown);
    }
  }

  async copy({ key, targetKey, etag, overwrite }) {
    this.calls.push(`copy ${key} ${targetKey}${overwrite ? " over" : ""}`);
    const error = this.copyFails.shift();
    if (error) throw error;
    if (this.objects.get(key) !== etag) throw refused("source_changed");
    if (this.objects.has(targetKey) && !overwrite) throw refused("object_exists");
    this.objects.set(targetKey, etag);
    return { etag };
  }

  async delete({ key, etag }) {
    this.calls.push(`delete ${key} ${etag}`);
    const error = this.deleteFails.shift();
    if (error) throw error;
    if (etag !== undefined && !this.objects.has(key)) throw refused("not_found", { status: 404 });
    if (etag !== undefined && this.objects.get(key) !== etag) throw refused("source_changed", { status: 412 });
    this.objects.delete(key);
  }
}

function start(objects, choice = null, grants = [GRANT]) {
  const service = new FakeStore(objects);
  const asked = [];
  const answer = new Answer(async (keys) => asked.push(keys) && choice);
  const [item] = movesOf([{ key: "a.txt", size: 1, etag: "e1" }], new Map([["a.txt", "to/a.txt"]]), { bucket: "objects" });
  const context = { taken: new Set(), own: new Set([item.targetKey]), answer };
  return { service, asked, item, context, act: () => move(service, grants, item, context) };
}

test("a move copies what was listed, and then deletes just that", async () => {
  const { service, act } = start({ "a.txt": "e1" });
  assert.equal(await act(), true);
  assert.deepEqual(service.calls, ["copy a.txt to/a.txt", "delete a.txt e1"]);
});

const TAKEN = { "a.txt": "e1", "to/a.txt": "old", "to/a (2).txt": "old" };
const CHOICES = [
  [KEEP_BOTH, true, { "to/a.txt": "old", "to/a (2).txt": "old", "to/a (3).txt": "e1" }],
  [REPLACE, true, { "to/a.txt": "e1", "to/a (2).txt": "old" }],
  [SKIP, false, TAKEN],
];
for (const [choice, isMoved, objects] of CHOICES)
  test(`a name that is taken, and the answer ${choice}`, async () => {
    const { service, asked, act } = start(TAKEN, choice);
    assert.equal(await act(), isMoved);
    assert.deepEqual(Object.fromEntries(service.objects), objects);
    assert.deepEqual(asked, [["to/a.txt"]]);
  });

test("an answer is asked for again only to replace another name", async () => {
  const given = [REPLACE, REPLACE, SKIP];
  const asked = [];
  const answer = new Answer(async (keys) => asked.push(keys) && given.shift());
  const choices = await Promise.all([["a", "b"], ["a"], ["c"], ["d"], ["b"], ["e"]].map((keys) => answer.for(keys)));
  assert.deepEqual(choices, [REPLACE, REPLACE, REPLACE, SKIP, REPLACE, SKIP]);
  assert.deepEqual(asked, [["a", "b"], ["c"], ["d"]]);
});

test("a question that nobody answers holds all, and is asked again", async () => {
  const given = [null, REPLACE, KEEP_BOTH];
  const asked = [];
  const { service } = start({ "a": "1", "b": "2", "to/a": "old", "to/b": "old" });
  const answer = new Answer((keys) => batch.ask(async () => asked.push(...keys) && given.shift()));
  const files = [{ key: "a", size: 1, etag: "1" }, { key: "b", size: 1, etag: "2" }];
  const moves = movesOf(files, new Map([["a", "to/a"], ["b", "to/b"]]), { bucket: "objects" });
  const context = { taken: new Set(), own: new Set(), answer };
  const batch = new Batch(moves, (item) => move(service, [GRANT], item, context), { parallel: 2 });
  await batch.run();
  assert.deepEqual([batch.state, batch.left, asked], ["paused", 2, ["to/a"]]);
  assert.ok(batch.error instanceof Unanswered);
  await batch.run();
  assert.deepEqual([batch.state, batch.done, batch.failures], ["done", 2, []]);
  assert.equal(asked.length, 3);
  const left = new Set(service.objects.keys());
  assert.ok(left.size === 3 && left.has("to/a") && left.has("to/b"));
});

test("a move keeps away from the names of the others in its batch", async () => {
  const { service, context, act } = start({ "a.txt": "e1", "to/a.txt": "old" }, KEEP_BOTH);
  context.own.add("to/a (2).txt"); // another move is about to get it
  await act();
  assert.ok(service.objects.has("to/a (3).txt") && context.own.has("to/a (3).txt"));
  const roots = new Map([["x/a.txt", "to/a.txt"], ["y/a.txt", "to/a.txt"]]);
  const moves = movesOf([{ key: "x/a.txt" }, { key: "y/a.txt" }], roots, { bucket: "objects" });
  assert.deepEqual(moves.map(({ targetKey }) => targetKey), ["to/a.txt", "to/a (2).txt"]);
});

test("nothing is replaced without the right to overwrite", async () => {
  const { service, act } = start(TAKEN, REPLACE, [{ ...GRANT, allow_overwrite: false }]);
  await assert.rejects(act(), /you may not replace it/);
  assert.deepEqual(Object.fromEntries(service.objects), TAKEN);
});

const STAYS = [
  ["changed since the list", refused("source_changed", { status: 412 }), /changed since the list was read/],
  ["changed or taken, which nothing says", refused("precondition_failed", { status: 412 }), /or its new name is taken/],
  ["gone since the list", refused("not_found", { status: 404 }), (error) => error.code === "not_found"],
  ["too large for the store", refused("copy_too_large"), (error) => error.code === "copy_too_large"],
  ["an error in a 200", refused("storage_refused", { status: 200 }), (error) => error.code === "storage_refused"],
];
for (const [why, error, expected] of STAYS)
  test(`a copy that fails leaves the original, and asks nothing: ${why}`, async () => {
    const { service, asked, act } = start({ "a.txt": "e1" }, KEEP_BOTH);
    service.copyFails = [error];
    await assert.rejects(act(), expected);
    assert.deepEqual([service.calls, asked], [["copy a.txt to/a.txt"], []]);
  });

test("a source that changes while names are tried ends that", async () => {
  const { service, act } = start(TAKEN, KEEP_BOTH);
  service.copyFails = [undefined, refused("source_changed", { status: 412 })];
  await assert.rejects(act(), /changed since the list was read/);
  assert.deepEqual(service.calls, ["copy a.txt to/a.txt", "copy a.txt to/a (2).txt"]);
});

test("names that are taken one after the other are tried 50 times", async () => {
  const numbered = Array.from({ length: 60 }, (_, index) => [`to/a (${index + 2}).txt`, "old"]);
  const { service, act } = start({ "a.txt": "e1", "to/a.txt": "old", ...Object.fromEntries(numbered) }, KEEP_BOTH);
  await assert.rejects(act(), /No name is free/);
  assert.equal(service.calls.length, 50);
  assert.equal(service.objects.get("a.txt"), "e1");
});

test("a file above 5 GiB is refused before a request", async () => {
  const { service, item, act } = start({ "a.txt": "e1" });
  item.size = 5 * 2 ** 30 + 1;
  await assert.rejects(act(), /up to 5 GB: download and upload it/);
  assert.deepEqual(service.calls, []);
});

/** A move whose copy was made, and whose deletion has failed. */
async function startCopied(...more) {
  const started = start({ "a.txt": "e1" }, ...more);
  started.service.deleteFails = [refused("storage_unavailable", { status: 503 })];
  await assert.rejects(started.act());
  return started;
}

test("a deletion that fails is done alone the next time", async () => {
  const { service, act } = await startCopied();
  assert.equal(await act(), true);
  assert.deepEqual(service.calls, ["copy a.txt to/a.txt", "delete a.txt e1", "delete a.txt e1"]);
});

test("a copy that was removed before the next try is made again", async () => {
  const { service, act } = await startCopied();
  service.objects.delete("to/a.txt");
  assert.equal(await act(), true);
  assert.deepEqual(Object.fromEntries(service.objects), { "to/a.txt": "e1" });
});

test("a file that replaced the copy before the next try is kept, and the original too", async () => {
  const { service, item, act } = await startCopied(REPLACE);
  item.isReplaced = true;
  service.objects.set("to/a.txt", "a colleague's");
  service.sizes["a colleague's"] = 2;
  await assert.rejects(act(), /replaced by another file/);
  await assert.rejects(act(), /replaced by another file/);
  assert.deepEqual(Object.fromEntries(service.objects), { "a.txt": "e1", "to/a.txt": "a colleague's" });
});

test("a file of the same size that replaced the copy is not the copy", async () => {
  const { service, act } = await startCopied();
  service.objects.set("to/a.txt", "a colleague's");
  await assert.rejects(act(), /replaced by another file/);
  assert.deepEqual(Object.fromEntries(service.objects), { "a.txt": "e1", "to/a.txt": "a colleague's" });
});

test("a copy that nobody may see is not looked for", async () => {
  const { service, act } = await startCopied(null, [{ ...GRANT, allow: ["download", "upload", "delete"] }]);
  service.list = () => assert.fail("no grant");
  assert.equal(await act(), true);
});

test("a source that changes during the move is kept", async () => {
  const { service, act } = start({ "a.txt": "e1" });
  service.deleteFails = [refused("source_changed", { status: 412 })];
  await assert.rejects(act(), /changed while it was moved/);
});

test("a copy whose answer was lost is found", async () => {
  const { service, asked, act } = start({ "a.txt": "e1", "to/a.txt": "e1" });
  service.copyFails = [Object.assign(refused("object_exists"), { attempts: 2 })];
  assert.equal(await act(), true);
  assert.deepEqual([asked, service.objects.has("a.txt")], [[], false]);
});

test("a file uploaded since the list has its ETag read first", async () => {
  const { item, act } = start({ "a.txt": "e1" });
  item.etag = undefined;
  assert.equal(await act(), true);
  assert.equal(item.etag, "e1");
});

const NO_CONDITION = new PresignError("create_only_unsupported", "No.", { status: 422 });

test("where a copy has no condition, the page looks first", async () => {
  const free = start({ "a.txt": "e1" }, SKIP);
  free.service.copyFails = [NO_CONDITION];
  assert.equal(await free.act(), true);
  assert.deepEqual(free.service.calls.slice(0, 2), ["copy a.txt to/a.txt", "copy a.txt to/a.txt over"]);
  const taken = start(TAKEN, SKIP);
  taken.service.copyFails = [NO_CONDITION];
  assert.equal(await taken.act(), false);
  assert.deepEqual(Object.fromEntries(taken.service.objects), TAKEN);
});

test("where a copy has no condition, it needs the right to overwrite", async () => {
  const { service, act } = start({ "a.txt": "e1" }, SKIP, [{ ...GRANT, allow_overwrite: false }]);
  service.copyFails = [NO_CONDITION];
  await assert.rejects(act(), /without replacing others/);
  assert.equal(service.calls.length, 1);
});

test("a folder is moved with all that is below it", async () => {
  const service = new FakeStore({ "f/": "", "f/a": "1", "f/deep/b": "2", "fx": "3", "g": "4" });
  const entries = [{ key: "f/", isFolder: true }, { key: "g", size: 1, etag: "4" }];
  const files = await filesOf(service, "objects", entries);
  const roots = new Map([["f/", "to/h/"], ["g", "to/g"]]);
  const moves = movesOf(files, roots, { bucket: "objects", targetBucket: "other" });
  assert.deepEqual(moves.map(({ targetKey }) => targetKey), ["to/h/", "to/h/a", "to/h/deep/b", "to/g"]);
  assert.deepEqual(conflictsOf(moves, new Set(["to/h/a", "to/x"])).map(({ key }) => key), ["f/a"]);
  assert.equal(moves[0].targetBucket, "other");
});

test("a file that is selected with its folder is there once", async () => {
  const service = new FakeStore({ "f/": "", "f/a": "1" });
  const entries = [{ key: "f/a", etag: "1" }, { key: "f/", isFolder: true }];
  const files = await filesOf(service, "objects", entries, { most: 2 });
  assert.deepEqual(files.map(({ key }) => key), ["f/a", "f/"]);
});

test("more files than are said stop it before it begins", async () => {
  const service = new FakeStore({ "f/a": "1", "f/b": "2", "f/c": "3" });
  const folder = [{ key: "f/", isFolder: true }];
  await assert.rejects(filesOf(service, "objects", folder, { most: 2 }), /more than 2 files\. Select fewer/);
  assert.equal((await keysIn(service, { bucket: "objects", folder: "f/", most: 2 })).size, 2);
});

test("a folder does not go into itself, and nothing to where it is", () => {
  const from = { bucket: "objects", folder: "in/" };
  const folder = [{ key: "in/f/", isFolder: true }];
  const found = [{ key: "in/deep/a" }, { key: "in/b" }];
  assert.match(whyNot(found, from, { bucket: "objects", folder: "in/deep/" }), /Some of them are .* already/);
  assert.equal(whyNot(found, from, { bucket: "objects", folder: "other/" }), null);
  assert.match(whyNot(folder, from, { bucket: "objects", folder: "in/f/deep/" }), /into itself/);
  assert.match(whyNot(folder, from, from), /already/);
  assert.equal(whyNot(folder, from, { bucket: "other", folder: "in/f/" }), null);
  assert.equal(whyNot(folder, from, { bucket: "objects", folder: "in/f2/" }), null);
});

test("a new name is one segment that a browser leaves alone", () => {
  for (const name of ["", "a/b", "..", "a\u0007"]) assert.ok(wrongName("in/", name), name);
  assert.ok(wrongName("in/", "é".repeat(600)));
  assert.equal(wrongName("in/", "Résumé 2026.pdf"), null);
});

test("many equal names look at few others", async (t) => {
  const seen = t.mock.method(Set.prototype, "has").mock;
  const same = Array.from({ length: 1000 }, (_, index) => `f${index}/a.txt`);
  const roots = new Map(same.map((key) => [key, "to/a.txt"]));
  const ways = {
    moves: () => movesOf(same.map((key) => ({ key })), roots, { bucket: "objects" }).map(({ targetKey }) => targetKey),
    zip: () => zipNames(same.map((_, index) => (index % 2 ? "to/A.txt" : "to/a.txt"))),
  };
  for (const [way, names] of Object.entries(ways)) {
    seen.resetCalls();
    const found = names();
    assert.ok(seen.callCount() < 10 * same.length, way);
    assert.equal(new Set(found).size, same.length);
    assert.match(found.at(-1), /^to\/a \(1000\)\.txt$/i);
  }
});
