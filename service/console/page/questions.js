// Dialogs that ask something: their title, their content, and a button for each answer.

import { element } from "./elements.js";
import { showModal } from "./modal.js";

let count = 0;

/**
 * A dialog that is in the page until it is closed. Its returnValue is the `value` of the button that closed it,
 * and empty if it was closed in another way.
 */
export function openDialog({ title, content, buttons, className = "question" }) {
  const dialog = element("dialog", undefined, className);
  const form = element("form");
  form.method = "dialog";
  form.noValidate = true;
  const head = element("h2", title);
  head.id = `question-${(count += 1)}`;
  dialog.setAttribute("aria-labelledby", head.id);
  const foot = element("div", undefined, "buttons");
  foot.append(...buttons);
  form.append(head, ...content, foot);
  dialog.append(form);
  document.body.append(dialog);
  showModal(dialog, () => dialog.remove());
  return dialog;
}

/** A button that closes the dialog with an answer. */
export function answerButton(name, value, isUsual = false) {
  const made = element("button", name, isUsual ? "primary" : undefined);
  made.value = value;
  made.type = isUsual ? "submit" : "button";
  made.addEventListener("click", (event) => {
    event.preventDefault();
    made.closest("dialog").close(value);
  });
  return made;
}

/** Resolves with the answer of a choice `{name, answer, isUsual}`, or null if the dialog was closed without one. */
export function ask({ title, content, choices }) {
  const buttons = choices.map(({ name, answer, isUsual }) => answerButton(name, answer, isUsual));
  const dialog = openDialog({ title, content, buttons });
  buttons[choices.findIndex(({ isUsual }) => isUsual)]?.focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue || null)));
}
