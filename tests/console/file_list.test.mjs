import assert from "node:assert/strict";
import { test } from "node:test";

import { arranged, entryOf, isRestorable, recordEntry } from "../../service/console/page/file_list.js";
import { kindOf } from "../../service/console/page/file_kinds.js";

const BY_NAME = { filter: "", column: "name", isDescending: false };
const file = (key, size, day = 1) => entryOf("in/", { key, size, lastModified: new Date(Date.UTC(2026, 0, day)) });
const names = (entries, how) => arranged(entries, { ...BY_NAME, ...how }).map(({ name }) => name);

test("an entry is called by what follows the folder", () => {
  const { name, isFolder } = entryOf("in/", { key: "in/a b/" });
  assert.deepEqual([name, isFolder], ["a b", true]);
  assert.equal(file("in/c.txt", 1).name, "c.txt");
});

test("folders come first, and numbers in names count as numbers", () => {
  const entries = [file("in/b10.txt", 1), entryOf("in/", { key: "in/z/" }), file("in/B9.txt", 1), file("in/ä.txt", 1)];
  assert.deepEqual(names(entries), ["z", "ä.txt", "B9.txt", "b10.txt"]);
  assert.deepEqual(names(entries, { isDescending: true }), ["z", "b10.txt", "B9.txt", "ä.txt"]);
});

test("sizes and times sort, and equal ones by name", () => {
  const entries = [file("in/b", 5, 2), file("in/a", 5, 3), file("in/c", 1, 1)];
  assert.deepEqual(names(entries, { column: "size" }), ["c", "a", "b"]);
  assert.deepEqual(names(entries, { column: "lastModified", isDescending: true }), ["a", "b", "c"]);
});

test("a filter needs each word, without case and accents", () => {
  const entries = [file("in/Résumé 2026.pdf", 1), file("in/resume.txt", 1), file("in/2026.txt", 1)];
  assert.deepEqual(names(entries, { filter: " 2026 RESUME" }), ["Résumé 2026.pdf"]);
  assert.equal(names(entries, { filter: "(.*" }).length, 0);
});

test("a name that is HTML or SVG is previewed as text", () => {
  for (const name of ["a.html", "A.SVG", "a.xml", "a.js"]) assert.equal(kindOf(name).type, "text/plain", name);
  assert.deepEqual(kindOf("a.b.PNG"), { icon: "image", preview: "image", type: "image/png" });
  for (const name of ["a.exe", "a.png\u202e.exe", ""]) assert.equal(kindOf(name).preview, null, name);
});

test("of the versions of a file only the latest is in the list", () => {
  const entries = new Map();
  const time = (minute) => new Date(Date.UTC(2026, 0, 1, 0, minute));
  const version = (key, minute, more) => recordEntry(entries, "in/", { key, lastModified: time(minute), isLatest: false, ...more });
  recordEntry(entries, "in/", { key: "in/below/" });
  version("in/a", 5, { isLatest: true, isDeleteMarker: false, size: 5 });
  version("in/a", 4, { isDeleteMarker: true });
  version("in/a", 3, { isDeleteMarker: false, size: 3 });
  version("in/b", 9, { isLatest: true, isDeleteMarker: true });
  version("in/b", 8, { isDeleteMarker: true });
  version("in/b", 7, { isDeleteMarker: false, size: 0 });
  version("in/b", 6, { isDeleteMarker: false, size: 6 });
  version("in/c", 1, { isLatest: true, isDeleteMarker: true });
  const told = [...entries.values()].map((each) => [each.name, each.isDeleted, each.size, isRestorable(each)]);
  assert.deepEqual(told, [
    ["below", false, undefined, false],
    ["a", false, 5, false],
    ["b", true, 0, true],
    ["c", true, undefined, false],
  ]);
  assert.deepEqual(entries.get("in/b").lastModified, time(9)); // when it was deleted
});
