// Where a ZIP goes: into a file that the person chose, as it is made, or where browsers offer none into memory, up to
// a size.

import { bytes } from "./words.js";

const MOST_IN_MEMORY = 2 ** 30; // bytes
const FOLDED = 2 ** 24; // bytes that are kept before a Blob takes them: browsers may keep that on disk

/** Asks where to save. A browser allows that only in the turn of a click. Resolves with null if nobody chose. */
export async function chooseTarget(name) {
  if (!globalThis.showSaveFilePicker) return new BlobTarget(name);
  const types = [{ description: "ZIP", accept: { "application/zip": [".zip"] } }];
  try {
    const handle = await showSaveFilePicker({ suggestedName: name, types });
    return new FileTarget(handle, await handle.createWritable());
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw error;
  }
}

class FileTarget {
  most = Infinity;
  #handle;
  #writable;

  constructor(handle, writable) {
    this.#handle = handle;
    this.#writable = writable;
  }

  write(chunk) {
    return this.#writable.write(chunk);
  }

  end() {
    return this.#writable.close();
  }

  /** Leaves no part of a ZIP. The file that was there before stays as it was, and an empty new one goes. */
  async abort() {
    await this.#writable.abort().catch(() => {});
    const { size } = await this.#handle.getFile().catch(() => ({}));
    if (size === 0) await this.#handle.remove?.().catch(() => {});
  }
}

export class BlobTarget {
  most = MOST_IN_MEMORY;
  #name;
  #blob = new Blob();
  #chunks = [];
  #kept = 0;

  constructor(name) {
    this.#name = name;
  }

  async write(chunk) {
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    if (this.#blob.size + this.#kept > this.most) throw tooLarge(this);
    if (this.#kept >= FOLDED) this.#fold();
  }

  async end() {
    this.#fold();
    save(this.#blob, this.#name);
    this.#blob = new Blob(); // its message may be there for long, and this with it
  }

  async abort() {
    this.#blob = new Blob();
    this.#chunks = [];
  }

  #fold() {
    this.#blob = new Blob([this.#blob, ...this.#chunks], { type: "application/zip" });
    this.#chunks = [];
    this.#kept = 0;
  }
}

/** The browser saves it as any download. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it meanwhile
}

/** What people see if a ZIP would not fit. */
export const tooLarge = ({ most }) =>
  new Error(`This browser makes ZIPs of up to ${bytes(most)}. Select less, or use Chrome or Edge.`);
