import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, placeIn } from "../../service/console/page/addresses.js";
import { emptyWords } from "../../service/console/page/empty_folder.js";

const ODD = [
  "plain",
  "a b & 'c' \"d\" #1 ?x=y +",
  "50%",
  "%2F",
  "%",
  "..",
  ".",
  "\u202egnp.exe",
  "é😀",
  "é".repeat(127),
  "a:b@c\\d;e,f=g",
  "<img src=x>",
];

test("an address leads back to the folder that it was made of", () => {
  const folders = ["", "/", "//", "a//b/", "//a/", ...ODD.map((name) => `${name}/`), `${ODD.join("/")}/`];
  for (const folder of folders) {
    const place = { bucket: "b", folder };
    assert.deepEqual(placeIn(addressOf(place)), place);
    assert.match(addressOf(place), /^#\/b\/[\w.!~*'()%/-]*$/, "nothing in it is special in an address");
  }
  assert.deepEqual(placeIn(addressOf({ bucket: null, folder: "" })), { bucket: null, folder: "" });
});

test("an address without its last slash is the folder's too", () => {
  assert.deepEqual(placeIn("#/b"), { bucket: "b", folder: "" });
  assert.deepEqual(placeIn("#/b/a"), { bucket: "b", folder: "a/" });
});

test("an address that names no place is none", () => {
  for (const fragment of ["", "#", "#a", "#b/a/", "#//", "#//host/", "#/b/%E0%A4%A/", "#/%/", "?/b/"])
    assert.equal(placeIn(fragment), null, fragment);
});

test("characters that no address can have make no error", () => {
  assert.equal(addressOf({ bucket: "b", folder: "\ud800/" }), "#/b/%EF%BF%BD/");
});

const grant = (prefix, ...allow) => ({ bucket: "b", prefix, allow });
const READS = [grant("team/2026/", "list"), grant("team/inbox/", "upload")];
const words = (folder, { bucket = "b", grants = READS, isFiltered = false, isFound = false } = {}) =>
  emptyWords({ grants, bucket, folder }, { isFiltered, isFound });

test("a folder that is no more says so and leads up", () => {
  const { title, hint, up } = words("team/2026/gone/deep/");
  assert.equal(title, "There is no such folder, or it is empty");
  assert.match(hint, /moved or deleted/);
  assert.deepEqual(up, { bucket: "b", folder: "team/2026/gone/" });
});

test("a folder that is there but empty is called empty", () => {
  assert.equal(words("team/2026/").title, "This folder is empty", "a grant names it");
  assert.equal(words("team/2026/new/", { isFound: true }).title, "This folder is empty");
  assert.equal(words("team/2026/", { isFiltered: true }).title, "Nothing matches the filter");
});

test("a folder that may not be listed leads to one that shows something", () => {
  const hidden = words("team/else/where/");
  assert.equal(hidden.title, "You cannot see the files in this folder");
  assert.deepEqual(hidden.up, { bucket: "b", folder: "team/" });
  const inbox = words("team/inbox/");
  assert.deepEqual([inbox.up, /Drop files/.test(inbox.hint)], [null, true]);
});

test("a bucket that is not the caller's leads to those that are", () => {
  const { title, up } = words("a/", { bucket: "other" });
  assert.equal(title, "“other” does not exist, or you have no access");
  assert.deepEqual(up, { bucket: null, folder: "" });
  assert.equal(words("", { bucket: null, grants: [] }).title, "You have no access to files yet");
});
