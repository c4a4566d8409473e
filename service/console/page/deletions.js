// Deletions that can be undone for some seconds. Until then nothing is asked for: a tab that closes
// deletes nothing.

import { byId, element, inOneLine, showError, tell } from "./elements.js";
import { addToast } from "./toasts.js";

const UNDO_SECONDS = 8;

export class Deletions {
  #service;
  #onChange;
  #pending = new Map(); // of key and bucket -> toast and timer

  /** `onChange` is called with `{bucket, key, isDone}` when a deletion begins or ends. */
  constructor(service, onChange) {
    this.#service = service;
    this.#onChange = onChange;
  }

  has(bucket, key) {
    return this.#pending.has(JSON.stringify([bucket, key]));
  }

  /** Hides the object, and deletes it unless that is undone. */
  begin({ bucket, key, name }) {
    const id = JSON.stringify([bucket, key]);
    const words = element("p", "Deleted ");
    words.append(inOneLine(name));
    const undo = element("button", "Undo", "small");
    undo.type = "button";
    const toast = addToast(words, undo);
    const timer = setTimeout(() => this.#delete(id, { bucket, key }, toast, undo), 1000 * UNDO_SECONDS);
    this.#pending.set(id, { toast, timer });
    undo.addEventListener("click", () => {
      this.#drop(id);
      this.#onChange({ bucket, key, isDone: false });
      tell("Not deleted.");
      byId("where").focus();
    });
    this.#onChange({ bucket, key, isDone: false });
    undo.focus();
  }

  /** Keeps an object that was replaced meanwhile. */
  cancel(bucket, key) {
    const id = JSON.stringify([bucket, key]);
    if (this.#pending.has(id)) this.#drop(id);
  }

  cancelAll() {
    for (const id of [...this.#pending.keys()]) this.#drop(id);
    byId("toasts").replaceChildren();
  }

  #drop(id) {
    const { toast, timer } = this.#pending.get(id);
    clearTimeout(timer);
    toast.remove();
    this.#pending.delete(id);
  }

  async #delete(id, target, toast, undo) {
    undo.hidden = true;
    try {
      const hadFocus = document.activeElement === document.body;
      await this.#service.delete(target);
      if (!this.#pending.has(id)) return;
      this.#drop(id);
      this.#onChange({ ...target, isDone: true });
      if (hadFocus) byId("where").focus();
    } catch (error) {
      if (!this.#pending.has(id)) return; // signed out
      this.#pending.delete(id);
      this.#onChange({ ...target, isDone: false });
      this.#showFailure(toast, error);
    }
  }

  #showFailure(toast, error) {
    const box = element("div", undefined, "error");
    box.tabIndex = -1;
    box.setAttribute("role", "alert");
    const close = element("button", "Dismiss", "small");
    close.type = "button";
    close.addEventListener("click", () => toast.remove());
    toast.replaceChildren(box, close);
    showError(box, error, { gently: true, lead: "The file was not deleted." });
  }
}
