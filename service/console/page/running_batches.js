// The batches of this tab: each has a message, and all wait while nobody is signed in.

import { BatchToast } from "./batch_toast.js";

export class RunningBatches {
  #running = new Set(); // {batch, toast}

  get isBusy() {
    return [...this.#running].some(({ batch }) => !batch.isOver);
  }

  /** Begins a batch. With `isRepeatable`, what fails can be tried again. */
  start(batch, words, { isRepeatable = false } = {}) {
    this.#forget();
    const again = () => batch.again();
    this.#running.add({ batch, toast: new BatchToast(batch, words, isRepeatable ? again : null) });
    return batch.run();
  }

  /** Does nothing more until somebody goes on with each. */
  suspend() {
    this.#forget();
    for (const { batch, toast } of this.#running) {
      batch.pause();
      toast.hide();
    }
  }

  /** Shows them again. */
  reveal() {
    for (const { toast } of this.#running) toast.reveal();
  }

  /** Those that ended well have nothing more to say. */
  #forget() {
    for (const each of this.#running)
      if (each.batch.isOver && !each.batch.failures.length) {
        each.toast.remove();
        this.#running.delete(each);
      }
  }

  clear() {
    for (const { batch, toast } of this.#running) {
      batch.cancel();
      toast.remove();
    }
    this.#running.clear();
  }
}
