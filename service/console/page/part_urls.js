// The URLs of an upload's parts, requested in windows just before they are needed.

const FRESH = 0.8; // of a URL's lifetime: the rest is enough for the request to reach the store

export class PartUrls {
  #now;
  #sign;
  #urls = new Map();
  #signing = null;

  /** `sign` requests the window that starts at a part; `now` returns the service's time. */
  constructor(now, sign) {
    this.#now = now;
    this.#sign = sign;
  }

  /** A URL for one attempt: the next attempt gets a new one. */
  async take(number) {
    // The window that is being requested may contain this part.
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
