// How fast bytes are sent, by the last seconds. Pure.

const SECONDS = 5;

export class TransferRate {
  #samples = []; // of `[milliseconds, bytes]`, in order

  /** Notes that `bytes` were sent in all. Fewer than before means another transfer. */
  note(now, bytes) {
    if (bytes < (this.#samples.at(-1)?.[1] ?? 0)) this.#samples = [];
    this.#samples.push([now, bytes]);
    while (this.#samples.length > 2 && now - this.#samples[0][0] > 1000 * SECONDS) this.#samples.shift();
  }

  reset() {
    this.#samples = [];
  }

  /** Bytes per second, or null while that is not known. */
  get perSecond() {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const seconds = first && (last[0] - first[0]) / 1000;
    return seconds >= 1 && last[1] > first[1] ? (last[1] - first[1]) / seconds : null;
  }
}
