// Which uploads run at the same time: many small files, or few large ones.

const SLOTS = 6; // connections that browsers open to one host over HTTP/1.1
export const PARALLEL_PARTS = 3;

export class UploadQueue {
  #uploads = [];
  #used = 0;
  #isHalted = false;

  add(upload) {
    this.#uploads.push(upload);
    this.run();
  }

  /** Starts no upload until `goOn`. */
  halt() {
    this.#isHalted = true;
  }

  goOn() {
    this.#isHalted = false;
    this.run();
  }

  clear() {
    this.#uploads = [];
  }

  /** Starts what waits, as far as there are slots. Small files pass a large one that has to wait. */
  run() {
    for (const upload of this.#uploads) {
      const slots = slotsOf(upload);
      if (!this.#isHalted && upload.state === "waiting" && this.#used + slots <= SLOTS) this.#start(upload, slots);
    }
  }

  async #start(upload, slots) {
    this.#used += slots;
    await upload.run();
    this.#used -= slots;
    this.run();
  }
}

const slotsOf = ({ operation }) => (operation === "multipart" ? PARALLEL_PARTS : 1);
