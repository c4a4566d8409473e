// A message that something is about to happen, with an *Undo* for some seconds.

import { announce, button, byId, element, isWriting } from "./elements.js";
import { addToast } from "./toasts.js";

const SECONDS = 8;

/**
 * Shows `words`, and calls `onUndo` for the button, or `onTime` when the time is over. Returns the `toast`, its `undo`
 * button, and `drop()`, which removes both and calls neither.
 */
export function offerUndo(words, { onUndo, onTime }) {
  const said = element("p");
  said.append(...words);
  const undo = button("Undo", () => {
    drop();
    onUndo();
    announce("Not deleted.");
    focusHeading();
  });
  const toast = addToast(said, undo);
  const timer = setTimeout(onTime, 1000 * SECONDS);
  const drop = () => {
    clearTimeout(timer);
    toast.remove();
  };
  if (!isWriting(document.activeElement)) undo.focus(); // a folder may have been listed meanwhile
  const what = [...said.childNodes].map((part) => part.textContent.trim()).join(" ");
  announce(`${what}. Undo is possible for ${SECONDS} seconds.`);
  return { toast, undo, drop };
}

/** Of the open dialog, or of the folder. */
export function focusHeading() {
  (document.querySelector("dialog[open] h2") ?? byId("where")).focus();
}
