// Names that are taken: what can be done about them, and the next name that is free. Pure.

export const REPLACE = "replace";
export const KEEP_BOTH = "keep";
export const SKIP = "skip";

const ENDING = /(?:\.tar)?\.[^.]*$/i;
const NUMBERED = /^(.*?)(?: \((\d{1,6})\))?$/s;

/**
 * `report (2).pdf`, or with the first higher number for which `isTaken(name)` is false. For many names whose results
 * are all taken, `numbers` is one map from a name's `place` to its next number.
 */
export function freeName(name, isTaken, numbers = new Map(), place = name) {
  const [ending = ""] = ENDING.exec(name.slice(1)) ?? []; // `.profile` has none
  const [, stem, number] = NUMBERED.exec(name.slice(0, name.length - ending.length));
  for (let next = numbers.get(place) ?? (number ? Number(number) + 1 : 2); ; next += 1) {
    const made = `${stem} (${next})${ending}`;
    if (isTaken(made)) continue;
    numbers.set(place, next + 1);
    return made;
  }
}

/** The answers of a batch: REPLACE is for the keys that were asked about, the others are for all further ones, too. */
export class Answer {
  #ask;
  #last = Promise.resolve(); // one question at a time
  #replaced = new Set();
  #forAll = null;

  /** `ask` is called with the keys that are taken, and resolves with one of the above, or null if nobody answered. */
  constructor(ask) {
    this.#ask = ask;
  }

  for(keys) {
    this.#last = this.#last.then(() => this.#find(keys));
    return this.#last;
  }

  async #find(keys) {
    if (keys.every((key) => this.#replaced.has(key))) return REPLACE;
    if (this.#forAll !== null) return this.#forAll;
    const answer = await this.#ask(keys);
    if (answer !== REPLACE) this.#forAll = answer;
    else for (const key of keys) this.#replaced.add(key);
    return answer;
  }
}
