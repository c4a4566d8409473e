import assert from "node:assert/strict";
import { test } from "node:test";

import { useDocument } from "./fake_document.mjs";
import { page } from "./page.mjs";

const { SelectionBar } = await page("selection_bar.js");
const { answerButton, openDialog } = await page("questions.js");
const { SignIn } = await page("sign_in.js");
const byId = (id) => document.getElementById(id);

test("the bar that hides gives the focus to the folder", () => {
  useDocument("selecting", "where");
  const bar = new SelectionBar([{ act: "move", name: "Move" }], {});
  const some = { count: 1, most: 2, words: "1 selected", offered: ["move"] };
  const focusMove = () => {
    bar.show(some);
    byId("selecting").children[1].children[0].focus();
    assert.equal(document.activeElement.dataset.selected, "move");
  };
  focusMove();
  bar.show({ ...some, count: 0 });
  assert.equal(document.activeElement.id, "select-all");
  focusMove();
  bar.show({ ...some, count: 0, most: 0 });
  assert.equal(document.activeElement.id, "where");
});

test("messages are in the question that is open on top", () => {
  useDocument("toasts", "status");
  const open = () => openDialog({ title: "", content: [], buttons: [answerButton("Yes", "yes")] });
  const undo = document.createElement("button");
  byId("toasts").append(undo);
  undo.focus();
  const [below, above] = [open(), open()];
  const isIn = (box) => ["toasts", "status"].every((id) => box.contains(byId(id)));
  assert.ok(isIn(above));
  above.close();
  assert.ok(isIn(below) && !above.isConnected);
  below.close();
  assert.ok(isIn(document.querySelector("main")));
  assert.equal(document.activeElement, undo);
});

test("the kept key is dropped before the rest of a sign-out", async () => {
  const kept = new Map([["presign-key", "secret"]]);
  globalThis.sessionStorage = { getItem: () => null, removeItem: (name) => kept.delete(name) };
  useDocument("sign-in-error", "sign-in-by-issuer", "sign-in-form", "keep", "kept-in-page", "kept-in-tab", "token");
  byId("sign-in-error").replaceChildren();
  let left = null;
  await new SignIn({}, () => {}).signOut(async () => (left = kept.size));
  assert.equal(left, 0);
  assert.equal(document.activeElement.id, "token");
});
