// The URLs of an upload's parts: asked for a window at a time, just before they are needed.

const FRESH = 0.8; // of a URL's life: what is left must do for its way to the store

export class PartUrls {
  #now;
  #sign;
  #urls = new Map();
  #signing = null;

  /** `sign` asks for the window that begins with a part; `now` is the time that lifetimes are counted in. */
  constructor(now, sign) {
    this.#now = now;
    this.#sign = sign;
  }

  /** Good for one attempt: who comes again gets a new one. */
  async take(number) {
    // Whoever needs one waits for the window that is being asked for: it may be in there.
    while (this.#signing) await this.#signing.catch(() => {});
    if (!this.#isFresh(number)) await this.#fetch(number);
    const part = this.#urls.get(number);
    this.#urls.delete(number);
    return part;
  }

  keep({ parts, expires_at: expiresAt }) {
    const now = this.#now();
    const until = now + FRESH * (Date.parse(expiresAt) - now);
    for (const part of parts) this.#urls.set(part.part_number, { ...part, until });
  }

  clear() {
    this.#urls.clear();
  }

  #isFresh(number) {
    return this.#now() < (this.#urls.get(number)?.until ?? -Infinity);
  }

  async #fetch(number) {
    this.#signing = this.#sign(number);
    try {
      this.keep(await this.#signing);
    } finally {
      this.#signing = null;
    }
  }
}
