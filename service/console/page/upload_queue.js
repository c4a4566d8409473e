// Which uploads run at the same time: many small files, or few large ones.

const SLOTS = 6; // connections that browsers open to one host over HTTP/1.1
export const PARALLEL_PARTS = 3;

export class UploadQueue {
  #waiting = [];
  #used = 0;
  #isHalted = false;

  add(...uploads) {
    this.#waiting.push(...uploads);
    this.run();
  }

  /** Starts no upload until `resume`. */
  suspend() {
    this.#isHalted = true;
  }

  resume() {
    this.#isHalted = false;
    this.run();
  }

  clear() {
    this.#waiting = [];
  }

  /** Starts what waits, as far as there are slots. Small files pass a large one that has to wait. */
  run() {
    if (this.#isHalted) return;
    this.#waiting = this.#waiting.filter((upload) => {
      if (upload.state !== "waiting") return false; // it was paused or cancelled
      const slots = slotsOf(upload);
      if (this.#used + slots > SLOTS) return true;
      this.#start(upload, slots);
      return false;
    });
  }

  async #start(upload, slots) {
    this.#used += slots;
    await upload.run();
    this.#used -= slots;
    this.run();
  }
}

const slotsOf = ({ operation }) => (operation === "multipart" ? PARALLEL_PARTS : 1);
