// The uploads that a tab goes on with, so that another tab neither offers nor cancels them. Each has a lock of the
// browser's, which ends with the tab. Browsers offer locks only over https and on localhost; elsewhere tabs do not
// know of each other.

const PREFIX = "presign-upload ";

export class RunningUploads {
  #ends = new Map(); // by id -> the function that ends the lock
  #isOver = false;

  add(id) {
    if (this.#isOver || this.#ends.has(id)) return;
    const ended = new Promise((resolve) => this.#ends.set(id, resolve));
    navigator.locks?.request(PREFIX + id, { ifAvailable: true }, () => ended);
  }

  remove(id) {
    this.#ends.get(id)?.();
    this.#ends.delete(id);
  }

  /** The tab goes on with none of them. What one of them still notes is left to the next sign-in. */
  end() {
    this.#isOver = true;
    for (const id of [...this.#ends.keys()]) this.remove(id);
  }

  /** The ids that are going on in any tab. */
  async ofAllTabs() {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    return new Set(held.map(({ name }) => name.slice(PREFIX.length)));
  }
}
