// How often a failed attempt is repeated, and after how long.

import { PresignError } from "./errors.js";

/**
 * An attempt failed with a `PresignError`, and another one may succeed. `tries` limits the attempts.
 * `reached` is how many bytes of a body the attempt has moved.
 */
export class TemporaryError extends Error {
  constructor(error, { tries = Infinity, reached = 0 } = {}) {
    super(error.message);
    this.error = error;
    this.tries = tries;
    this.reached = reached;
  }
}

/** Waits. Rejects with the signal's reason when it aborts. */
export function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Waits longer before each further attempt, with jitter, and as long as `Retry-After` says. Attempts are
 * counted again from one that has moved more bytes than all before it.
 */
export class Retries {
  #tries;
  #maxWait;
  #sleep;
  #random;

  /** `maxWait` is in seconds: a longer `Retry-After` is an error. `now` is in milliseconds. */
  constructor({ tries = 6, maxWait = 60, sleep: wait = sleep, random = Math.random, now = Date.now } = {}) {
    this.now = now;
    this.#tries = tries;
    this.#maxWait = maxWait;
    this.#sleep = wait;
    this.#random = random;
  }

  /**
   * Returns what `attempt` returns. It gets its number, from 1, and throws a TemporaryError if it may be
   * repeated. `onWait` gets the seconds of a `Retry-After`, and null when they are over.
   */
  async run(attempt, { signal, onWait } = {}) {
    let furthest = 0;
    for (let [number, count] = [1, 1]; ; [number, count] = [number + 1, count + 1]) {
      signal?.throwIfAborted();
      try {
        return await attempt(number);
      } catch (failure) {
        const { error, tries, reached } =
          failure instanceof TemporaryError ? failure : { error: failure, tries: 1, reached: 0 };
        if (error instanceof PresignError) error.attempts = number;
        if (reached > furthest) [count, furthest] = [1, reached];
        if (count >= Math.min(this.#tries, tries) || error.retryAfter > this.#maxWait) throw error;
        if (error.retryAfter) onWait?.(error.retryAfter);
        await this.#sleep(Math.max(error.retryAfter, this.#random() * 2 ** (count - 1)), signal);
        if (error.retryAfter) onWait?.(null);
      }
    }
  }
}
