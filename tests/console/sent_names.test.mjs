import assert from "node:assert/strict";
import { test } from "node:test";

import { SentNames } from "../../service/protocols/links/page/sent_names.js";

test("two files of a visit never have the same name", () => {
  const names = new SentNames();
  const taken = ["a.pdf", "a.pdf", "a (2).pdf", "a.pdf", "no", "no", ".env", ".env"].map((name) => names.take(name));
  assert.deepEqual(taken, ["a.pdf", "a (2).pdf", "a (2) (2).pdf", "a (3).pdf", "no", "no (2)", ".env", ".env (2)"]);
});

test("a long name keeps its number and its ending", () => {
  const names = new SentNames();
  const long = `${"x".repeat(251)}.pdf`;
  names.take(long);
  const second = names.take(long);
  assert.equal(second.length, 255);
  assert.ok(second.endsWith("x (2).pdf"));
});
