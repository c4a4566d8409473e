// A chosen file in the list: before, during and after its upload.

import { UNKNOWN_TYPE, mayOverwrite, uploadWay } from "./access.js";
import { element, fromTemplate, hideError, showError, tell } from "./elements.js";
import { Upload } from "./upload.js";
import { bytes, duration, percent } from "./words.js";

const WORDS = {
  waiting: "Queued",
  finishing: "Completing the upload",
  done: "Sent",
  cancelled: "Cancelled",
  failed: "Not sent",
};
const ANNOUNCED = ["paused", "done", "failed", "cancelled"];
let count = 0;

export class Item {
  upload = null;
  reason = null; // why it cannot be uploaded
  root = fromTemplate("item-template");
  #announced = null;
  #shown = null;

  /** `onAct` is called with this item and the `data-act` of the pressed button. */
  constructor(file, onAct) {
    this.file = file;
    this.type = file.type || UNKNOWN_TYPE;
    const name = this.#part(".name");
    name.id = `item-${(count += 1)}`;
    name.textContent = file.name;
    this.#part(".size").textContent = bytes(file.size);
    this.#part("progress").setAttribute("aria-labelledby", name.id);
    for (const button of this.root.querySelectorAll("button")) {
      button.setAttribute("aria-describedby", name.id);
      button.addEventListener("click", () => onAct(this, button.dataset.act));
    }
  }

  #part(selector) {
    return this.root.querySelector(selector);
  }

  get isReady() {
    return this.upload === null && this.reason === null;
  }

  get isWaiting() {
    return this.upload?.state === "waiting";
  }

  /** Sets the destination, and checks whether the grants allow it. */
  aim({ grants, bucket, folder }) {
    if (this.upload) return;
    this.bucket = bucket;
    this.key = folder + this.file.name;
    const { operation, reason } = uploadWay(grants, bucket, this.key, { size: this.file.size, type: this.type });
    this.operation = operation;
    this.reason = reason ?? null;
    this.mayOverwrite = operation !== undefined && mayOverwrite(grants, operation, bucket, this.key);
    this.show();
  }

  begin(service, overwrite, onChange) {
    const { file, bucket, key, type, operation } = this;
    this.upload = new Upload({
      ...{ service, file, bucket, key, type, operation },
      overwrite: overwrite && this.mayOverwrite,
      onChange: () => {
        this.show();
        onChange(this);
      },
    });
    this.show();
  }

  show() {
    const { upload } = this;
    const state = upload?.state ?? (this.reason ? "refused" : "ready");
    this.root.dataset.state = state;
    this.#part(".key").textContent = `${this.bucket} / ${this.key}`;
    this.#part(".state").textContent = this.#words(state);
    const bar = this.#part("progress");
    bar.hidden = !["sending", "finishing", "paused"].includes(state);
    bar.value = upload && this.file.size ? upload.sent / this.file.size : 0;
    this.#showActions(state);
    this.#showError(state);
    this.#announce(state);
  }

  #words(state) {
    if (state === "refused") return this.reason;
    if (state === "ready") return `Ready, as ${this.type}`;
    const { waits, sent } = this.upload;
    if (waits !== null) return `Waiting ${duration(waits)}, as the service requested`;
    const done = `${percent(sent, this.file.size)} · ${bytes(sent)} of ${bytes(this.file.size)}`;
    if (state === "sending") return `Sending · ${done}`;
    if (state === "paused") return `Paused · ${done}`;
    return WORDS[state];
  }

  #showActions(state) {
    const offered = {
      pause: this.upload?.canPause,
      resume: state === "paused",
      again: state === "failed" && !this.upload.found,
      replace: state === "failed" && this.upload.found && this.mayOverwrite,
      cancel: ["waiting", "sending", "paused"].includes(state) || this.#leavesParts(state),
      remove: ["ready", "refused", "done", "cancelled"].includes(state) || this.#isOver(state),
    };
    const focused = this.#part(":focus");
    for (const button of this.root.querySelectorAll("[data-act]"))
      button.hidden = !offered[button.dataset.act];
    // A focused button that is hidden would send the focus to the top of the page.
    if (focused?.hidden) (this.#part("[data-act]:not([hidden])") ?? this.root).focus();
  }

  #leavesParts(state) {
    return state === "failed" && this.upload.hasParts;
  }

  #isOver(state) {
    return state === "failed" && !this.upload.hasParts;
  }

  #showError(state) {
    const error = state === "failed" || state === "cancelled" ? this.upload.error : null;
    if (error === this.#shown) return;
    this.#shown = error;
    const box = this.#part(".error");
    if (!error) return hideError(box);
    showError(box, error, { gently: true });
    if (this.upload.found && !this.mayOverwrite)
      box.append(element("p", "Your grants do not let you replace it: give the file another name."));
  }

  #announce(state) {
    if (state === this.#announced) return;
    this.#announced = state;
    if (this.upload && ANNOUNCED.includes(state)) tell(`${this.file.name}: ${this.#words(state)}.`);
  }
}
