// What people see of a batch: how far it is, what has failed, and how to stop it or go on.

import { announce, button, byId, element, inOneLine } from "./elements.js";
import { describeError } from "./error_words.js";
import { addToast } from "./toasts.js";

const SHOWN = 5; // failures
const SECONDS = 5; // that a good end is shown
const REDRAW_MS = 100;

export class BatchToast {
  #batch;
  #words;
  #onAgain;
  #toast = null;
  #timer = null;
  #said = element("p");
  #bar = element("progress");
  #list = element("ul", undefined, "failures");
  #buttons = element("div", undefined, "buttons");
  #shown = null; // the state that the buttons are for
  #isHidden = false;

  /**
   * `words` has `title`, and the functions `running`, `left`, `done` and `failed` of the batch, which return sentences;
   * `nameOf(item)` is what people call an item. `onAgain` runs the batch again; without it failures are only listed.
   */
  constructor(batch, words, onAgain = null) {
    this.#batch = batch;
    this.#words = words;
    this.#onAgain = onAgain;
    this.#bar.ariaLabel = words.title;
    batch.onChange = () => (this.#timer ??= setTimeout(() => this.#show(), REDRAW_MS));
    this.#show();
  }

  /** Until `reveal`: somebody has to sign in. */
  hide() {
    this.#isHidden = true;
    this.#toast?.remove();
  }

  reveal() {
    if (!this.#isHidden) return;
    this.#isHidden = false;
    this.#show();
  }

  /** For good. */
  remove() {
    this.hide();
    this.reveal = () => {};
  }

  #show() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isHidden) return;
    const { state, isRunning, done, failures, total } = this.#batch;
    if (!this.#toast?.isConnected) this.#append();
    this.#said.textContent = this.#sentence();
    this.#bar.hidden = !isRunning;
    this.#bar.value = total ? (done + failures.length) / total : 0;
    const shown = isRunning ? "running" : state;
    if (shown !== this.#shown) this.#become(shown);
  }

  #append() {
    this.#toast = addToast(this.#said, this.#bar, this.#list, this.#buttons);
    this.#toast.classList.add("batch");
    this.#toast.tabIndex = -1;
  }

  #sentence() {
    const { state, isRunning, left, failures, error } = this.#batch;
    if (isRunning) return this.#words.running(this.#batch);
    if (state === "paused") return `${this.#words.left(this.#batch)} ${whyPaused(error)}`;
    if (state === "failed") return `${this.#words.failed(this.#batch)} ${describeError(error).message}`;
    return failures.length || left || state === "cancelled" ? this.#words.left(this.#batch) : this.#words.done(this.#batch);
  }

  #become(state) {
    this.#shown = state;
    announce(this.#said.textContent);
    this.#list.replaceChildren(...(state === "running" ? [] : this.#failures()));
    const hadFocus = this.#buttons.contains(document.activeElement);
    this.#buttons.replaceChildren(...this.#controls(state));
    if (hadFocus) (this.#buttons.firstElementChild ?? byId("where")).focus();
    const isWell = state === "done" && !this.#batch.failures.length;
    if (isWell) setTimeout(() => this.remove(), 1000 * SECONDS);
  }

  #controls(state) {
    const batch = this.#batch;
    if (state === "running") return [button("Cancel", () => batch.cancel())];
    if (state === "paused") return [button("Go on", () => this.#goOn()), button("Stop", () => batch.cancel())];
    const again = this.#onAgain && batch.failures.length ? [button("Try again", () => this.#tryAgain())] : [];
    return [...again, button("Dismiss", () => this.#dismiss())];
  }

  #goOn() {
    this.#batch.run();
    this.#show(); // the button goes at once
  }

  #tryAgain() {
    this.#onAgain();
    this.#show(); // what had failed goes at once
  }

  #dismiss() {
    this.remove();
    byId("where").focus();
  }

  #failures() {
    const { failures } = this.#batch;
    const lines = failures.slice(0, SHOWN).map(({ item, error }) => {
      const line = element("li");
      line.append(inOneLine(this.#words.nameOf(item)), element("span", describeError(error).message));
      return line;
    });
    if (failures.length > SHOWN) lines.push(element("li", `and ${failures.length - SHOWN} more`));
    return lines;
  }
}

/** The session ended, nothing was reached, or the page was left for the sign-in. */
const whyPaused = (error) => (error && error.status !== 401 ? describeError(error).message : "Your sign-in had ended.");
