// Names that are taken: what can be done about them, and the next name that is free. Pure.

export const REPLACE = "replace";
export const KEEP_BOTH = "keep";
export const SKIP = "skip";

const ENDING = /(?:\.tar)?\.[^.]*$/i;
const NUMBERED = /^(.*?)(?: \((\d{1,6})\))?$/s;

/** `report (2).pdf`, or with the first higher number for which `isTaken(name)` is false. */
export function freeName(name, isTaken) {
  const [ending = ""] = ENDING.exec(name.slice(1)) ?? []; // `.profile` has none
  const [, stem, number] = NUMBERED.exec(name.slice(0, name.length - ending.length));
  for (let next = number ? Number(number) + 1 : 2; ; next += 1) {
    const made = `${stem} (${next})${ending}`;
    if (!isTaken(made)) return made;
  }
}

/** One answer for a whole batch: the question is asked at most once. */
export class Answer {
  #ask;
  #given = null; // a promise

  /** `ask` is called with the names that are taken, and resolves with one of the above, or null to stop. */
  constructor(ask) {
    this.#ask = ask;
  }

  for(names) {
    this.#given ??= this.#ask(names);
    return this.#given;
  }
}
