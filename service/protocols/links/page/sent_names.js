// Names of the files of one visit to a drop box: two files never have the same one. Pure.

const LONGEST = 255; // characters that the service takes

export class SentNames {
  #taken = new Set();

  /** The name, or the first of `name (2).ext`, `name (3).ext`, ... that was not taken before. */
  take(name) {
    let found = name;
    for (let number = 2; this.#taken.has(found); number += 1) found = numbered(name, number);
    this.#taken.add(found);
    return found;
  }
}

function numbered(name, number) {
  const at = name.lastIndexOf(".") > 0 ? name.lastIndexOf(".") : name.length;
  const end = ` (${number})${name.slice(at)}`;
  return name.slice(0, Math.min(at, Math.max(1, LONGEST - end.length))) + end;
}
