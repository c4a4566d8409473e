// Names of the files of one visit to a drop box: two files never get the same key. Pure.

// The service puts a date of 11 bytes before a name, and takes 255 in all: LONGEST_NAME of key_prefixes.py.
const LONGEST = 255 - "2026-11-28 ".length; // bytes
const LONGEST_END = 32; // bytes of a dot and an ending that is kept
const MOST_NAMES = 10; // of one file: each that is taken may cost an upload
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const LONGEST_SENDER = 60; // characters
const NOT_OF_A_SENDER = /[\s/\\\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

export class SentNames {
  #taken = new Set();

  /** The name as a key has it, or the first of `name (2).ext`, `name (3).ext`, ... that was not taken before. */
  take(name) {
    const safe = safeName(name);
    let found = numbered(safe, "");
    for (let number = 2; this.#taken.has(found); number += 1) found = numbered(safe, ` (${number})`);
    this.#taken.add(found);
    return found;
  }
}

/** The upload of one file, which gets another name while its own is taken. */
export class NamedUpload {
  #names;
  #fileName;
  #name;
  #hasTried = false; // under this name: an answer may have been lost

  constructor(names, fileName) {
    this.#names = names;
    this.#fileName = fileName;
    this.#name = names.take(fileName);
  }

  /** No other file of this page has the name. So if it is taken after a first try, that try has stored it. */
  async run(sign, send) {
    for (let number = 1; ; number += 1) {
      const request = await sign(this.#name);
      const isFirst = !this.#hasTried;
      this.#hasTried = true;
      try {
        return await send(request);
      } catch (error) {
        if (error.status !== 412 || !error.store) throw error;
        if (!isFirst) return;
        this.#name = this.#names.take(this.#fileName);
        this.#hasTried = false;
        if (number === MOST_NAMES) throw error;
      }
    }
  }
}

/** The name of who sends as the service takes it, in one line and without separators. Empty for none. */
export function safeSender(name) {
  const plain = wellFormed(name).replace(NOT_OF_A_SENDER, " ").trim();
  return Array.from(plain).slice(0, LONGEST_SENDER).join("").trim();
}

/** What the service's `safe_name` makes of a name of any length. */
function safeName(name) {
  const safe = wellFormed(name).replace(CONTROL, "_").replace(/[/\\]/g, "_").replaceAll("${filename}", "_");
  return safe || "_";
}

/** The name with this number, in LONGEST bytes. */
function numbered(name, number) {
  const at = name.lastIndexOf(".");
  const end = at > 0 && size(name.slice(at)) <= LONGEST_END ? name.slice(at) : "";
  const stem = name.slice(0, name.length - end.length);
  return start(stem, LONGEST - size(number + end)) + number + end;
}

/** As many whole characters as fit into these bytes. */
function start(text, most) {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(most));
  return text.slice(0, read);
}

const size = (text) => new TextEncoder().encode(text).length;
const wellFormed = (text) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
