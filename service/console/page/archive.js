// A ZIP of files that are in the store: each is signed, fetched and compared with the list. Their bytes pass through.

import { Batch, isInterruption } from "./batch.js";
import { PresignError, UNREACHABLE } from "./client/errors.js";
import { describeError } from "./error_words.js";
import { Zip } from "./zip.js";
import { zipNames } from "./zip_names.js";

const AHEAD = 4; // small files whose answers are asked for before their turn
const SMALL = 2 ** 20; // bytes; a store does not wait for long until a large one has its turn
const TRIES = 4; // of a file whose connection ends
const MISSING = "Files that are missing.txt";

/**
 * A batch that writes a ZIP of `files` to `target`. They are as the list has them, and are called what follows
 * `folder` in their keys. A file that cannot be begun is left out, and listed in the ZIP. One that was begun goes on
 * after a pause; if that is not possible it ends the batch, and nothing is saved.
 */
export function archiveBatch(service, { bucket, folder, files, target }) {
  const archive = new Archive(service, { bucket, folder, files, target });
  const batch = new Batch(archive.files, (file, signal) => add(file, signal), {
    end: () => archive.end(),
    abort: () => archive.abort(),
  });
  const add = async (file, signal) => {
    try {
      const answer = await archive.open(file, signal);
      await archive.add(file, answer, signal, () => batch.onChange());
    } catch (error) {
      signal.throwIfAborted();
      if (isInterruption(error)) throw error;
      const { message } = describeError(error);
      if (archive.hasBegun(file)) return batch.fail(new Error(`${file.name}: ${message}`));
      archive.leaveOut(file, message);
      throw error;
    }
  };
  return { batch, archive };
}

/** Resolves with the answer that has a file, from its byte `from`. It must be as the list has it. */
export async function fetchFile(client, { bucket, key, size, etag }, signal, from = 0) {
  const { url } = await client.downloadUrl({ bucket, key, signal });
  const headers = from ? { range: `bytes=${from}-` } : {};
  // Not by the browser's cache: it would keep each byte on the disk, and a file that is gone by now.
  const options = { headers, signal, credentials: "omit", redirect: "error", cache: "no-store" };
  const answer = await fetch(url, options).catch(() => {
    signal.throwIfAborted();
    throw new PresignError(UNREACHABLE, "The store did not respond.", { store: new URL(url).origin });
  });
  const wrong = whyWrong(answer, { size: size - from, etag, status: from ? 206 : 200 });
  if (!wrong) return answer;
  await answer.body?.cancel();
  throw new Error(wrong);
}

class Archive {
  /** Bytes of files that were written. */
  sent = 0;
  files;
  #service;
  #bucket;
  #target;
  #zip;
  #opened = new Map(); // file -> promise of its answer
  #missing = [];
  #begun = null; // the file that is being written
  #count = 0; // its bytes that are written

  constructor(service, { bucket, folder, files, target }) {
    const names = zipNames([MISSING, ...files.map(({ key }) => key.slice(folder.length))]).slice(1);
    this.files = files.map((file, index) => ({ ...file, bucket, name: names[index] }));
    this.#service = service;
    this.#bucket = bucket;
    this.#target = target;
    this.#zip = new Zip((bytes) => target.write(bytes));
  }

  /** Whether a part of the file is in the ZIP. */
  hasBegun(file) {
    return this.#begun === file;
  }

  /** Resolves with the answer that has the file or the rest of it, or null for the empty object of a folder. */
  async open(file, signal) {
    if (this.hasBegun(file)) return this.#fetch(file, signal, this.#count);
    if (isFolder(file) && file.size) throw new Error("It has a folder's name, and is a file.");
    if (isFolder(file)) return null;
    const opening = this.#open(file, signal);
    this.#openNext(file, signal);
    const answer = await opening;
    this.#opened.delete(file);
    return answer;
  }

  /** Writes the file, or the rest of it. */
  async add(file, answer, signal, onProgress) {
    if (!this.hasBegun(file)) {
      this.#begun = file;
      this.#count = 0;
      await this.#zip.begin(file);
    }
    if (answer) for await (const chunk of this.#chunks(file, answer, signal, onProgress)) await this.#zip.append(chunk);
    await this.#zip.finish();
    this.#begun = null;
  }

  /** Lists a file, with a sentence on why it is not in the ZIP. */
  leaveOut({ name }, sentence) {
    this.#missing.push(`${name}: ${sentence}\r\n`);
  }

  async end() {
    if (this.#missing.length) {
      const text = new TextEncoder().encode(this.#missing.join(""));
      await this.#zip.add({ name: MISSING, size: text.length }, [text]);
    }
    await this.#zip.end();
    await this.#target.end();
  }

  /** Leaves nothing. */
  abort() {
    return this.#target.abort();
  }

  /** Hundreds of small files would each wait for two answers. */
  #openNext(file, signal) {
    const from = this.files.indexOf(file) + 1;
    for (const next of this.files.slice(from, from + AHEAD)) {
      if (next.size > SMALL || file.size > SMALL) return;
      if (!isFolder(next)) this.#open(next, signal);
    }
  }

  #open(file, signal) {
    const before = this.#opened.get(file);
    if (before) return before;
    const opening = this.#fetch(file, signal);
    this.#opened.set(file, opening);
    opening.catch(() => this.#opened.delete(file)); // its own turn tries again
    return opening;
  }

  #fetch({ key, size, etag }, signal, from) {
    return fetchFile(this.#service.client, { bucket: this.#bucket, key, size, etag }, signal, from);
  }

  /** The bytes of a file that are not written yet. If the connection ends, it is asked for the rest. */
  async *#chunks(file, answer, signal, onProgress) {
    for (let tries = 1; ; tries += 1) {
      try {
        for await (const chunk of chunksOf(answer.body)) {
          this.#count += chunk.length;
          this.sent += chunk.length;
          onProgress();
          yield chunk;
        }
        if (!isCutOff(answer, this.#count, file)) break;
        throw new Error("The answer is shorter than the file.");
      } catch (error) {
        signal.throwIfAborted();
        const isHopeless = tries === TRIES || (this.#count > 0 && this.#count >= file.size);
        if (isHopeless) throw new Error("It could not be read to its end.", { cause: error });
        answer = await this.#fetch(file, signal, this.#count);
      }
    }
    // A file that is stored compressed has more bytes here: the answer's length is that of the list.
    if (this.#count > file.size && !answer.headers.has("content-length"))
      throw new Error("It is longer than it was in the list.");
  }
}

/** A file that is stored compressed may be shorter here, if its CORS rule shows that it is. */
const isCutOff = ({ headers }, count, { size }) => count < size && !headers.has("content-encoding");

const isFolder = ({ key }) => key.endsWith("/");

async function* chunksOf(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // it has failed, or nobody reads on
  }
}

/** Why an answer is not the file of the list, or null. A store's CORS rule may hide the ETag. */
function whyWrong({ status, headers }, { size, etag, status: wanted }) {
  if (status === 404) return "It is no longer there.";
  if (status !== wanted) return `The storage refused it: HTTP ${status}.`;
  const [length, tag] = [headers.get("content-length"), headers.get("etag")];
  const isOtherSize = length !== null && Number(length) !== size;
  const isOther = tag !== null && etag !== undefined && bare(tag) !== bare(etag);
  return isOtherSize || isOther ? "It was changed since the list was read." : null;
}

/** A store that compresses on the way marks the ETag as weak. */
const bare = (etag) => etag.replace(/^W\//, "");
