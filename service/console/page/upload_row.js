// The row of one upload.

import { announce, element, fromTemplate, hideError, icon, inOneLine, showError } from "./elements.js";
import { kindOf } from "./file_kinds.js";
import { bytes, displayName, duration, fileName, percent } from "./words.js";

const WORDS = {
  waiting: "Waiting",
  finishing: "Finishing",
  done: "Uploaded",
  cancelled: "Cancelled",
  failed: "Not uploaded",
  taken: "This name is taken",
  skipped: "Skipped: this name is taken",
  interrupted: "Interrupted: choose this file again to continue",
};
const ANNOUNCED = ["failed", "cancelled"]; // what ends well is announced for all files together
let count = 0;

export class UploadRow {
  upload = null;
  reason = null; // why it cannot be uploaded
  tries = 0; // names like one that is taken
  isCopying = false; // a link to it is being made
  root = fromTemplate("item-template");
  #announced = null;
  #shown = null;

  /**
   * A row of `{bucket, key, path, size}`, where `path` is what people call the file. `onAct` is called with the
   * row and the `data-act` of the pressed button.
   */
  constructor(facts, onAct) {
    Object.assign(this, facts);
    const name = this.#part(".name");
    name.id = `upload-${(count += 1)}`;
    name.append(inOneLine(this.path));
    name.title = displayName(this.path);
    this.#part(".item-head").prepend(icon(kindOf(this.path).icon));
    this.#part(".size").textContent = bytes(this.size);
    this.#part("progress").ariaLabel = displayName(this.path);
    for (const button of this.root.querySelectorAll("button")) {
      button.setAttribute("aria-describedby", name.id);
      button.addEventListener("click", () => onAct(this, button.dataset.act));
    }
  }

  #part(selector) {
    return this.root.querySelector(selector);
  }

  get state() {
    return this.upload?.state ?? (this.reason ? "refused" : "interrupted");
  }

  get isActive() {
    return this.upload?.isActive ?? false;
  }

  get isFinished() {
    return ["done", "cancelled", "refused", "skipped"].includes(this.state);
  }

  /** Whether this is the interrupted upload of a file, by its name and size. */
  waitsFor(file) {
    return this.state === "interrupted" && this.size === file.size && fileName(this.key) === file.name;
  }

  /** Whether another file has the name. After a lost answer it may be this very file, and nothing is done unasked. */
  get isTaken() {
    return this.state === "failed" && this.upload.found && !(this.upload.error.attempts > 1);
  }

  /** Bytes that are sent. */
  get sent() {
    if (this.state === "done") return this.size;
    const isLost = this.state === "failed" && !this.upload.hasParts;
    return isLost ? 0 : (this.upload?.sent ?? 0);
  }

  show() {
    const { state } = this;
    this.root.dataset.state = state;
    this.#part(".state").textContent = this.#words(state);
    this.#part("progress").value = this.size ? this.sent / this.size : Number(state === "done");
    this.#showActions(state);
    this.#showError(state);
    if (state === this.#announced) return;
    this.#announced = state;
    if (ANNOUNCED.includes(state) && !this.isTaken) announce(`${this.path}: ${this.#words(state)}.`);
  }

  #words(state) {
    if (state === "refused") return this.reason;
    if (!this.upload) return WORDS[state];
    const { waits, sent } = this.upload;
    if (waits !== null) return `Waiting ${duration(waits)}: too many requests at once`;
    if (state === "sending") return percent(sent, this.size);
    if (this.isTaken) return WORDS.taken;
    if (state === "paused") return `Paused at ${percent(sent, this.size)}`;
    return WORDS[state];
  }

  #showActions(state) {
    const isFailed = state === "failed";
    const { found, hasParts, canPause } = this.upload ?? {};
    const offered = {
      pause: canPause,
      resume: ["paused", "interrupted"].includes(state),
      again: isFailed && !found,
      replace: isFailed && found && this.mayOverwrite,
      keep: this.isTaken,
      link: state === "done" && this.mayShare,
      cancel: ["waiting", "sending", "paused", "interrupted"].includes(state) || (isFailed && hasParts),
      dismiss: this.isFinished || (isFailed && !hasParts),
    };
    const focused = this.#part(":focus");
    for (const button of this.root.querySelectorAll("[data-act]")) button.hidden = !offered[button.dataset.act];
    // A focused button that is hidden would send the focus to the top of the page.
    if (focused?.hidden) this.focus();
  }

  focus() {
    (this.#part("[data-act]:not([hidden])") ?? this.root).focus();
  }

  #showError(state) {
    const error = ["failed", "cancelled"].includes(state) && !this.isTaken ? this.upload.error : null;
    if (error === this.#shown) return;
    this.#shown = error;
    const box = this.#part(".error");
    if (!error) return hideError(box);
    showError(box, error, { keepsFocus: true });
    if (this.upload.found && !this.mayOverwrite)
      box.append(element("p", "You cannot replace it: give your file another name."));
  }
}
