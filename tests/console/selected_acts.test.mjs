import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./page.mjs";

const { isOfMany, isSelectable, offeredFor } = await page("selected_acts.js");

const ALL = ["list", "download", "upload", "delete"];
const grant = (prefix, allow = ALL, more = {}) => ({ bucket: "objects", prefix, allow, ...more });
const file = (key) => ({ key, size: 1, isFolder: false, isDeleted: false });
const folder = (key) => ({ key, isFolder: true, isDeleted: false });
const place = (...grants) => ({ grants, bucket: "objects", folder: "in/" });
const acts = (entries, where) => offeredFor(entries, where).map(({ act }) => act).join(" ");

test("what may be done with one file and with several", () => {
  assert.equal(acts([file("in/a")], place(grant(""))), "download zip rename move delete");
  assert.equal(acts([file("in/a"), file("in/b")], place(grant(""))), "download zip move delete");
  assert.equal(acts([], place(grant(""))), "");
});

test("only what is allowed with all of them is offered", () => {
  const mixed = place(grant("in/a", ["download", "delete"]), grant("in/b", ["download"]));
  assert.equal(acts([file("in/a")], mixed), "download zip delete");
  assert.equal(acts([file("in/a"), file("in/b")], mixed), "download zip");
});

test("a folder needs the right to list it, and is no single download", () => {
  assert.equal(acts([folder("in/f/")], place(grant(""))), "zip rename move delete");
  assert.equal(acts([folder("in/f/")], place(grant("", ["download", "delete"]))), "");
});

test("a move needs a place that takes copies", () => {
  assert.equal(acts([file("in/a")], place(grant("", ALL, { max_content_length: 9 }))), "download zip delete");
  const elsewhere = place(grant("in/", ["list", "download", "delete"]), grant("out/"));
  assert.equal(acts([file("in/a")], elsewhere), "download zip move delete");
});

test("a file's own download and deletion are those of its row", () => {
  const of = (entry) => ["download", "delete", "rename", "move"].filter((act) => isOfMany(act, entry));
  assert.deepEqual(of(file("in/a")), ["rename", "move"]);
  assert.deepEqual(of(folder("in/f/")), ["download", "delete", "rename", "move"]);
});

test("more than 20 files are not downloaded one by one", () => {
  const files = Array.from({ length: 21 }, (_, number) => file(`in/${number}`));
  assert.match(acts(files.slice(1), place(grant(""))), /^download /);
  assert.match(acts(files, place(grant(""))), /^zip /);
});

test("a bucket, and a deleted file, cannot be selected", () => {
  assert.equal(isSelectable(folder("objects/"), { ...place(grant("")), bucket: null }), false);
  assert.equal(isSelectable({ ...file("in/a"), isDeleted: true }, place(grant(""))), false);
  assert.equal(isSelectable(file("in/a"), place(grant("", ["list"]))), false);
  const deep = { ...place(grant("")), isDeep: true };
  assert.deepEqual([folder("in/f/"), file("in/f/a")].map((entry) => isSelectable(entry, deep)), [false, true]);
});
