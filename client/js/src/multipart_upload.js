// The parts of one multipart upload: sent in parallel, completed and checked.

import { composite, digestOf, isOfParts, md5Of } from "./checksums.js";
import { PresignError } from "./errors.js";
import { partsOf } from "./source.js";
import { send } from "./store.js";

const ABORTS = 3; // a part may still arrive after the first abort
const GONE = ["upload_not_found", "not_found"]; // `not_found`: an id that does not fit into a path

export class MultipartUpload {
  #job;
  #path;
  #lastModified;
  #stored = new Map(); // part number -> what the store lists
  #digests = new Map(); // part number -> checksum
  #etags = new Map(); // part number -> ETag, or null if the page may not read it

  constructor(job, { uploadId, lastModified }) {
    this.#job = job;
    this.#path = `v1/multipart-uploads/${encodeURIComponent(uploadId)}`;
    this.#lastModified = lastModified;
  }

  /** Creates an upload, and notes it. Throws `object_exists` before a byte is sent. */
  static async create(job) {
    const { target, size, partSize, checksum, contentType, overwrite, note, source } = job;
    if (!overwrite && (await job.check())?.found)
      throw new PresignError("object_exists", "An object with this key already exists.", { status: 412 });
    const body = {
      ...target,
      content_length: size,
      part_size: partSize,
      content_type: contentType,
      checksum_algorithm: checksum,
      // Without the size of the parts, nobody can compute a SHA that is made of theirs.
      metadata: { ...job.metadata, "presign-part-size": String(partSize) },
      overwrite,
    };
    // Neither repeated, which would create another one, nor aborted: its id would not be known.
    const made = await job.call("POST", "v1/multipart-uploads", { body, isRepeatable: false, signal: undefined });
    const facts = { uploadId: made.upload_id, size, partSize, checksum, lastModified: source.lastModified };
    await note.write(facts);
    return new MultipartUpload(job, facts);
  }

  /** Reads which parts the store has. Returns false if the upload no longer exists. */
  async list() {
    try {
      const { parts } = await this.#job.call("GET", `${this.#path}/parts`, { query: this.#job.target });
      this.#stored = new Map(parts.map((part) => [part.part_number, part]));
      return true;
    } catch (error) {
      if (GONE.includes(error.code)) return false;
      throw error;
    }
  }

  /** Sends the parts that the store lacks, a few at a time. */
  async send() {
    const stop = new AbortController(); // the first failure ends the others
    const signal = AbortSignal.any([stop.signal, ...(this.#job.signal ? [this.#job.signal] : [])]);
    const parts = this.#signed(signal); // shared: each worker takes the next one
    const work = async () => {
      try {
        for await (const [part, signed] of parts) await this.#send(part, signed, signal);
      } catch (error) {
        stop.abort(error);
      }
    };
    await Promise.all(Array.from({ length: this.#job.parallel }, work));
    signal.throwIfAborted();
  }

  /** Yields missing parts with their requests. They are signed in windows, just before they are sent. */
  async *#signed(signal) {
    const { source, size, partSize, parallel } = this.#job;
    let window = [];
    for await (const part of partsOf(source, size, partSize)) {
      signal.throwIfAborted();
      if (await this.#isStored(part)) continue;
      window.push(part);
      if (window.length < parallel) continue;
      yield* await this.#sign(window, signal);
      window = [];
    }
    if (window.length) yield* await this.#sign(window, signal);
  }

  /**
   * Whether the store has these bytes. If it lists no checksum, the ETag must be their MD5, or the file as old
   * as it was when the upload was created.
   */
  async #isStored({ number, blob }) {
    const digest = await digestOf(blob, this.#job.checksum);
    this.#digests.set(number, digest);
    const stored = this.#stored.get(number);
    if (stored?.content_length !== blob.size) return false;
    const { lastModified } = this.#job.source;
    const isAsOld = lastModified !== undefined && lastModified === this.#lastModified;
    const isSame = stored.checksum
      ? stored.checksum === digest
      : isAsOld || stored.etag.replaceAll('"', "") === (await md5Of(blob));
    if (!isSame) return false;
    this.#etags.set(number, stored.etag);
    this.#job.report(number, blob.size);
    return true;
  }

  async #sign(parts, signal) {
    const { target, size, partSize, checksum } = this.#job;
    const body = {
      ...target,
      content_length: size,
      part_size: partSize,
      part_numbers: parts.map(({ number }) => number),
      checksum_algorithm: checksum,
      checksums: Object.fromEntries(parts.map(({ number }) => [number, this.#digests.get(number)])),
    };
    const answer = await this.#job.call("POST", `${this.#path}/part-urls`, { body, signal });
    return parts.map((part, index) => [part, answer.parts[index]]);
  }

  async #send(part, signed, signal) {
    const { presign, onWait } = this.#job;
    const onProgress = (sent) => this.#job.report(part.number, sent);
    const attempt = async (count) => {
      const [[, request]] = count === 1 ? [[part, signed]] : await this.#sign([part], signal);
      return send(request, part.blob, { signal, onProgress, now: presign.retries.now });
    };
    const { etag } = await presign.retries.run(attempt, { signal, onWait });
    this.#etags.set(part.number, etag);
  }

  /** Makes the object. Safe to repeat: the service recognises a completed upload. */
  async complete() {
    const { target, size, checksum, overwrite } = this.#job;
    if ([...this.#etags.values()].includes(null)) await this.#readEtags();
    const numbers = [...this.#etags.keys()].sort((one, other) => one - other);
    const parts = numbers.map((number) => ({
      part_number: number,
      etag: this.#etags.get(number),
      checksum: this.#digests.get(number),
    }));
    const body = { ...target, content_length: size, checksum_algorithm: checksum, overwrite, parts };
    const answer = await this.#job.call("POST", `${this.#path}/complete`, { body });
    const done = await this.#compare();
    if (done === false)
      throw new PresignError(
        "checksum_mismatch",
        "The object at the store differs from the file. Upload it again.",
      );
    const made = { ...target, size, etag: answer.etag, versionId: answer.version_id };
    return { ...made, checksum: (await this.#composite()) ?? undefined };
  }

  /** CORS hides the ETags: the service reads them. */
  async #readEtags() {
    await this.list();
    for (const [number, { etag }] of this.#stored) this.#etags.set(number, etag);
  }

  /** Returns the result if the object is made of the bytes of this source, or null. */
  async stored() {
    const { source, target, size, partSize, checksum } = this.#job;
    if (!(source instanceof Blob) || !(await this.#job.check())?.found) return null;
    for await (const { number, blob } of partsOf(source, size, partSize))
      this.#digests.set(number, await digestOf(blob, checksum));
    const found = await this.#compare();
    return found && { ...target, size, etag: found.etag, checksum: await this.#composite() };
  }

  /** Returns the object as the store has it, false if it has other bytes, or null if they cannot be compared. */
  async #compare() {
    const found = await this.#job.check();
    if (!found) return null;
    if (!found.found || found.content_length !== this.#job.size) return false;
    const own = await this.#composite();
    // moto leaves out the number of parts
    const value = found.checksums?.[this.#job.checksum]?.split("-")[0];
    if (!own || !value) return null;
    return value === own.value.split("-")[0] && found;
  }

  /** The object's checksum. A CRC is of all bytes, and not known here: null. */
  async #composite() {
    const { checksum: algorithm } = this.#job;
    if (!isOfParts(algorithm)) return null;
    const digests = [...this.#digests].sort(([one], [other]) => one - other).map(([, digest]) => digest);
    return { algorithm, value: `${await composite(digests, algorithm)}-${digests.length}` };
  }

  /** Removes the parts from the store. */
  async abort() {
    const { target } = this.#job;
    try {
      for (let i = 0; i < ABORTS; i += 1)
        await this.#job.call("DELETE", this.#path, { query: target, signal: undefined });
    } catch (error) {
      if (!GONE.includes(error.code)) throw error;
    }
  }
}
