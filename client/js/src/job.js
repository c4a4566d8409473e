// One object to upload: what was asked for, and how far it is.

import { usableAlgorithm } from "./checksums.js";
import { Note } from "./note.js";

const MIB = 2 ** 20;
const PART_SIZE = 8 * MIB;
const LARGE_PART_SIZE = 64 * MIB;
const PARTS = 10_000; // of one upload, at S3
const PARALLEL = 4;

/** The service's own choice: about a thousand parts, of 8 MiB to 64 MiB if possible. */
export function partSizeOf(size) {
  const least = Math.ceil(size / PARTS);
  const wanted = Math.min(Math.max(Math.ceil(size / 1000), PART_SIZE), Math.max(least, LARGE_PART_SIZE));
  return Math.ceil(wanted / MIB) * MIB;
}

export class Job {
  #sent = new Map(); // part number -> bytes

  constructor(presign, source, options) {
    const { bucket, key, checksum = "SHA256", metadata, onProgress, onWait, signal } = options;
    Object.assign(this, { presign, source, signal, onWait, onProgress, metadata });
    this.size = source instanceof Blob ? source.size : options.size;
    if (!Number.isInteger(this.size)) throw new TypeError("A stream needs its size, in bytes.");
    this.target = { bucket, key };
    this.contentType = options.contentType || source.type || undefined;
    this.overwrite = options.overwrite || undefined;
    this.parallel = options.parallel ?? PARALLEL;
    this.partSize = options.partSize ?? partSizeOf(this.size);
    const operation = this.size && options.operation;
    this.operation = operation || (this.size > this.partSize ? "multipart" : "upload");
    this.checksum = usableAlgorithm(checksum, this.operation === "multipart" ? this.partSize : this.size);
    this.note = new Note(options.resume, presign.url, bucket, key);
  }

  /** Calls the service. The call ends when the upload is aborted. */
  call(method, path, options) {
    const { signal, onWait } = this;
    return this.presign.call(method, path, { signal, onWait, ...options });
  }

  /** Returns what the store has of the object. Null: no grant allows to ask. */
  async check(expected) {
    try {
      return await this.call("POST", "v1/object-checks", { body: { ...this.target, ...expected } });
    } catch (error) {
      if (error.code !== "forbidden") throw error;
      return null;
    }
  }

  /** Reports so many bytes of a part as sent. The only request of a small object is part 1. */
  report(number, bytes) {
    this.#sent.set(number, bytes);
    this.#emitStage("sending");
  }

  reportCompleting() {
    this.#emitStage("completing");
  }

  #emitStage(stage) {
    const sent = [...this.#sent.values()].reduce((all, one) => all + one, 0);
    this.onProgress?.({ sent, total: this.size, stage });
  }
}
