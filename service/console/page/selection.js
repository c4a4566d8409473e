// Which entries of a list are selected, by their keys. Pure.

export class Selection {
  #keys = new Set();
  #anchor = null; // where a range begins
  #base = new Set(); // what was selected before the range

  get size() {
    return this.#keys.size;
  }

  has(key) {
    return this.#keys.has(key);
  }

  clear() {
    this.#keys.clear();
    this.#anchor = null;
  }

  /** Selects one more, or one less. A range begins here. */
  toggle(key) {
    if (!this.#keys.delete(key)) this.#keys.add(key);
    this.#begin(key);
  }

  selectAll(keys) {
    this.#keys = new Set(keys);
    this.#anchor = null;
  }

  /**
   * Selects all from where the range began to `to`, in the order of the list, in place of the range before. Without
   * a beginning it begins at `from`.
   */
  extend(order, from, to) {
    if (!order.includes(this.#anchor)) this.#begin(from);
    const ends = [order.indexOf(this.#anchor), order.indexOf(to)].sort((one, other) => one - other);
    this.#keys = new Set([...this.#base, ...order.slice(ends[0], ends[1] + 1)]);
  }

  /** What is no longer in the list, or no longer shown, is not selected: nobody would see it. */
  keep(keys) {
    const kept = new Set(keys);
    for (const key of this.#keys) if (!kept.has(key)) this.#keys.delete(key);
  }

  #begin(key) {
    this.#anchor = key;
    this.#base = new Set(this.#keys);
  }
}
