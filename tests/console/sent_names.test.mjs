import assert from "node:assert/strict";
import { test } from "node:test";

import { NamedUpload, SentNames, safeSender } from "../../service/protocols/links/page/sent_names.js";

test("two files of a visit never have the same name", () => {
  const names = new SentNames();
  const taken = ["a.pdf", "a.pdf", "a (2).pdf", "a.pdf", "no", "no", ".env", ".env"].map((name) => names.take(name));
  assert.deepEqual(taken, ["a.pdf", "a (2).pdf", "a (2) (2).pdf", "a (3).pdf", "no", "no (2)", ".env", ".env (2)"]);
});

test("a sender's name is one line that can be a folder's", () => {
  assert.equal(safeSender("  Ann \t Smith/Jones\\Co\u202e\n "), "Ann Smith Jones Co");
  assert.equal(safeSender("\u2066/"), "");
  assert.equal(safeSender("é".repeat(80)), "é".repeat(60));
  assert.equal(safeSender(`${"x".repeat(59)}😀😀`), `${"x".repeat(59)}😀`);
  assert.equal(safeSender("\ud800Ann"), "\ufffdAnn");
});

test("a long name keeps its number and its ending", () => {
  const names = new SentNames();
  const long = `${"é".repeat(150)}.pdf`;
  names.take(long);
  const second = names.take(long);
  assert.equal(new TextEncoder().encode(second).length, 244);
  assert.ok(second.endsWith("é (2).pdf"));
});

const taken = () => Promise.reject(Object.assign(new Error("taken"), { status: 412, store: true }));
const lost = () => Promise.reject(new Error("lost"));

/** Sends by each of `answers` in turn, and returns the names that were sent. */
async function sent(answers) {
  const names = [];
  const upload = new NamedUpload(new SentNames(), "a.pdf");
  const send = () => (answers.shift() ?? taken)();
  const sign = async (name) => void names.push(name);
  while (answers.length) await upload.run(sign, send).catch((error) => names.push(error.message));
  return names;
}

test("a file whose name is taken gets another one", async () => {
  assert.deepEqual(await sent([taken, async () => {}]), ["a.pdf", "a (2).pdf"]);
});

test("a name that an earlier try took is that file's", async () => {
  assert.deepEqual(await sent([lost, taken]), ["a.pdf", "lost", "a.pdf"]);
});

test("a file is not sent again and again when all names are taken", async () => {
  const names = await sent([taken]);
  assert.equal(names.length, 11);
  assert.equal(names.at(-1), "taken");
});
