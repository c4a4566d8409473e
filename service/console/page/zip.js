// A ZIP that is written while its files arrive: APPNOTE.TXT 6.3.10 of PKWARE. Files are stored as they are, their CRC
// and size follow each of them, and ZIP64 is used where a size, a place or a count needs it. Pure.

import { crc32Of } from "./client/checksums.js";

const LARGE = 0xffffffff; // a field of 4 bytes that says: see ZIP64
const MANY = 0xffff; // the same of 2 bytes
const SIGNATURES = { local: 0x04034b50, descriptor: 0x08074b50, central: 0x02014b50 };
const ENDS = { record: 0x06054b50, record64: 0x06064b50, locator64: 0x07064b50 };
const FOLLOWED_UTF8 = 0x0808; // bit 3: CRC and sizes follow the file; bit 11: names are UTF-8
const STORED = 0;
const NEEDED = { zip: 20, zip64: 45 }; // versions, times ten
const MADE_ON_UNIX = 3 << 8;
const MODES = { file: 0o100644, folder: 0o040755 };
const IS_FOLDER = 0x10; // for DOS
const EXTRA = { zip64: 0x0001, times: 0x5455 };
const MOST_SECONDS = 0x7fffffff; // of an extended timestamp

export class Zip {
  #write;
  #zip64From;
  #entries = []; // bytes of the central directory
  #offset = 0;
  #open = null; // the entry of the file that was begun

  /** `write(bytes)` takes the next bytes, and resolves when there is room for more. */
  constructor(write, { zip64From = LARGE } = {}) {
    this.#write = write;
    this.#zip64From = zip64From;
  }

  /** Bytes that were written. */
  get size() {
    return this.#offset;
  }

  /** Adds a file whose bytes are `chunks`. Returns the number of its bytes. */
  async add(file, chunks = []) {
    await this.begin(file);
    for await (const chunk of chunks) await this.append(chunk);
    return this.finish();
  }

  /**
   * Begins a file, or a folder if its name ends in a slash, once the one before is finished. `size` is what is
   * expected: it decides on ZIP64.
   */
  async begin({ name, size = 0, lastModified = new Date() }) {
    const entry = { name: new TextEncoder().encode(name), isFolder: name.endsWith("/"), lastModified };
    entry.isLarge = size >= this.#zip64From;
    entry.offset = this.#offset;
    await this.#put(localHeader(entry));
    this.#open = { ...entry, crc: 0, size: 0 };
  }

  /**
   * Writes the next bytes of the file.
   *
   * @throws Error if there are so many that the entry cannot say it
   */
  async append(chunk) {
    const entry = this.#open;
    entry.crc = crc32Of(chunk, entry.crc);
    entry.size += chunk.length;
    if (!entry.isLarge && entry.size >= this.#zip64From) throw new Error("The file is larger than it was in the list.");
    await this.#put(chunk);
  }

  /** Ends the file. Returns the number of its bytes. */
  async finish() {
    await this.#put(descriptor(this.#open));
    this.#entries.push(centralHeader(this.#open, this.#zip64From));
    return this.#open.size;
  }

  /** Writes what is at the end of a ZIP: without it no program opens it. */
  async end() {
    const start = this.#offset;
    for (const entry of this.#entries) await this.#put(entry);
    const directory = { count: this.#entries.length, size: this.#offset - start, offset: start };
    await this.#put(ending(directory, this.#offset, this.#zip64From));
  }

  async #put(bytes) {
    this.#offset += bytes.length;
    await this.#write(bytes);
  }
}

/** Sizes are not known here: they are 0, in ZIP64 in the extra field. */
export function localHeader(entry) {
  const extra = [...(entry.isLarge ? [[EXTRA.zip64, 2], [16, 2], [0, 8], [0, 8]] : []), ...times(entry)];
  const size = entry.isLarge ? LARGE : 0;
  const head = [[SIGNATURES.local, 4], [versionOf(entry), 2], ...about(entry), [0, 4], [size, 4], [size, 4]];
  return joined(bytesOf(...head, [entry.name.length, 2], [lengthOf(extra), 2]), entry.name, bytesOf(...extra));
}

export function descriptor({ crc, size, isLarge }) {
  const length = isLarge ? 8 : 4;
  return bytesOf([SIGNATURES.descriptor, 4], [crc, 4], [size, length], [size, length]);
}

export function centralHeader(entry, zip64From = LARGE) {
  const isFar = entry.offset >= zip64From;
  const size = entry.isLarge ? LARGE : entry.size;
  const large = [...(entry.isLarge ? [[entry.size, 8], [entry.size, 8]] : []), ...(isFar ? [[entry.offset, 8]] : [])];
  const extra = [...(large.length ? [[EXTRA.zip64, 2], [lengthOf(large), 2], ...large] : []), ...times(entry)];
  const version = isFar ? NEEDED.zip64 : versionOf(entry);
  const head = [[SIGNATURES.central, 4], [MADE_ON_UNIX | version, 2], [version, 2], ...about(entry)];
  const sizes = [[entry.crc, 4], [size, 4], [size, 4], [entry.name.length, 2], [lengthOf(extra), 2]];
  const none = [[0, 2], [0, 2], [0, 2]]; // comment, disk, internal attributes
  const mode = entry.isFolder ? [[IS_FOLDER, 2], [MODES.folder, 2]] : [[0, 2], [MODES.file, 2]];
  const place = [[isFar ? LARGE : entry.offset, 4]];
  return joined(bytesOf(...head, ...sizes, ...none, ...mode, ...place), entry.name, bytesOf(...extra));
}

/** The end of a ZIP at `at`, whose central directory has so many entries and bytes, and begins at `offset`. */
export function ending({ count, size, offset }, at, zip64From = LARGE) {
  const isLarge = count >= Math.min(MANY, zip64From) || size >= zip64From || offset >= zip64From;
  const most = (value, limit) => (isLarge ? limit : value);
  const counts = [[most(count, MANY), 2], [most(count, MANY), 2]];
  const end = bytesOf([ENDS.record, 4], [0, 2], [0, 2], ...counts, [most(size, LARGE), 4], [most(offset, LARGE), 4], [0, 2]);
  if (!isLarge) return end;
  const versions = [[MADE_ON_UNIX | NEEDED.zip64, 2], [NEEDED.zip64, 2]];
  const record = bytesOf([ENDS.record64, 4], [44, 8], ...versions, [0, 4], [0, 4], [count, 8], [count, 8], [size, 8], [offset, 8]);
  return joined(record, bytesOf([ENDS.locator64, 4], [0, 4], [at, 8], [1, 4]), end);
}

const versionOf = ({ isLarge }) => (isLarge ? NEEDED.zip64 : NEEDED.zip);

const about = (entry) => [[FOLLOWED_UTF8, 2], [STORED, 2], ...dosTime(entry)];

/** In the time zone of the browser, from 1980 on, in steps of two seconds. */
function dosTime({ lastModified: time }) {
  const year = Math.min(Math.max(time.getFullYear() - 1980, 0), 127);
  const date = (year << 9) | ((time.getMonth() + 1) << 5) | time.getDate();
  return [[(time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1), 2], [date, 2]];
}

/** The exact time, which names no time zone: the extended timestamp of Info-ZIP. */
function times({ lastModified }) {
  const seconds = Math.floor(lastModified.getTime() / 1000);
  if (!(seconds >= 0 && seconds <= MOST_SECONDS)) return [];
  return [[EXTRA.times, 2], [5, 2], [1, 1], [seconds, 4]];
}

const lengthOf = (fields) => fields.reduce((all, [, length]) => all + length, 0);

/** Little-endian numbers, each with its length in bytes. */
function bytesOf(...fields) {
  const view = new DataView(new ArrayBuffer(lengthOf(fields)));
  let at = 0;
  for (const [value, length] of fields) {
    if (length === 8) view.setBigUint64(at, BigInt(value), true);
    else if (length === 4) view.setUint32(at, value, true);
    else if (length === 2) view.setUint16(at, value, true);
    else view.setUint8(at, value);
    at += length;
  }
  return new Uint8Array(view.buffer);
}

function joined(...parts) {
  const made = new Uint8Array(parts.reduce((all, part) => all + part.length, 0));
  let at = 0;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}
