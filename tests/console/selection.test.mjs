import assert from "node:assert/strict";
import { test } from "node:test";

import { entriesInWords, selectedInWords } from "../../service/console/page/batch_words.js";
import { Answer, freeName } from "../../service/console/page/conflicts.js";
import { Selection } from "../../service/console/page/selection.js";

const ORDER = ["a", "b", "c", "d", "e"];
const selected = (selection) => ORDER.filter((key) => selection.has(key)).join("");

test("Shift selects from the last box, and shrinks again", () => {
  const selection = new Selection();
  selection.toggle("a");
  selection.toggle("c");
  selection.extend(ORDER, "e", "e");
  assert.equal(selected(selection), "acde");
  selection.extend(ORDER, "d", "d");
  assert.equal(selected(selection), "acd");
  selection.extend(ORDER, "b", "b");
  assert.equal(selected(selection), "abc");
});

test("Shift and an arrow begin where the focus is", () => {
  const selection = new Selection();
  selection.extend(ORDER, "b", "c");
  selection.extend(ORDER, "c", "d");
  assert.equal(selected(selection), "bcd");
  selection.extend(ORDER, "d", "c");
  assert.equal(selected(selection), "bc");
});

test("what is no longer shown is no longer selected", () => {
  const selection = new Selection();
  selection.selectAll(ORDER);
  selection.keep(["b", "d"]);
  assert.deepEqual([selected(selection), selection.size], ["bd", 2]);
  selection.extend(["b", "d"], "d", "d"); // the range began at what is gone
  assert.equal(selected(selection), "bd");
  selection.clear();
  assert.equal(selection.size, 0);
});

test("what is selected is said with its size, folders without", () => {
  const file = { size: 6 * 2 ** 20 };
  const folder = { isFolder: true };
  assert.equal(selectedInWords([file, file, { size: 0 }]), "3 selected, 12 MB");
  assert.equal(selectedInWords([file, folder]), "2 selected (1 folder not counted), 6 MB");
  assert.equal(selectedInWords([folder]), "1 selected");
  assert.equal(entriesInWords([file, folder, folder]), "1 file and 2 folders");
});

const FREE = [
  ["report.pdf", "report (2).pdf"],
  ["report (2).pdf", "report (3).pdf"],
  ["a.tar.gz", "a (2).tar.gz"],
  [".profile", ".profile (2)"],
  ["no ending", "no ending (2)"],
  ["a (x).b", "a (x) (2).b"],
];
for (const [name, free] of FREE) test(`beside ${name} comes ${free}`, () => assert.equal(freeName(name, () => false), free));

test("a name beside is one that is free", () => {
  const taken = new Set(["a (2).txt", "a (3).txt"]);
  assert.equal(freeName("a.txt", (name) => taken.has(name)), "a (4).txt");
});

test("a batch asks once", async () => {
  const asked = [];
  const answer = new Answer(async (names) => asked.push(names) && "skip");
  const given = await Promise.all([answer.for(["a"]), answer.for(["b"])]);
  assert.deepEqual([given, asked], [["skip", "skip"], [["a"]]]);
});
