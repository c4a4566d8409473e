// The upload of one file, whole or as a multipart upload, which can be paused. Nothing outlives the page.
//
// - Resuming first asks the store which parts it has.
// - Cancelling aborts the upload at the store until it is gone.

import { PartUrls } from "./part_urls.js";
import { Problem, Unreachable, sleep, wasAborted } from "./service.js";
import { StoreError, send } from "./store.js";

const PARALLEL = 3;
const WINDOW = 16; // part URLs per call
const TRIES = 4;
const ABORTS = 3; // a part may still arrive after the first abort

const isGone = (error) =>
  (error instanceof Problem && error.code === "upload_not_found") ||
  (error instanceof StoreError && error.status === 404);

export class Upload {
  state = "waiting"; // sending, finishing, paused, done, failed, cancelled
  error = null;
  waits = null; // seconds, while waiting for a Retry-After
  #service;
  #controller = new AbortController();
  #running = Promise.resolve();
  #id = null;
  #partSize = 0;
  #there = new Map(); // part number -> ETag, or null if the page may not read it
  #sent = new Map(); // part number -> bytes
  #urls;
  #mayBeComplete = false; // the response was lost, and the store may have completed the upload

  constructor({ service, file, bucket, key, type, operation, overwrite, checksFirst, onChange }) {
    this.#service = service;
    this.file = file;
    this.target = { bucket, key };
    this.type = type;
    this.operation = operation;
    this.overwrite = overwrite;
    this.checksFirst = checksFirst;
    this.onChange = onChange;
    this.#urls = new PartUrls(() => service.now(), (first) => this.#sign(first));
  }

  get isUnderWay() {
    return ["waiting", "sending", "finishing", "paused"].includes(this.state);
  }

  /** Whether the store has parts that only `cancel` removes. */
  get hasParts() {
    return this.#id !== null;
  }

  get canPause() {
    return this.state === "sending" && this.operation === "multipart";
  }

  /** Whether an object with this name exists, which the upload did not replace. */
  get found() {
    return this.error?.status === 412;
  }

  get sent() {
    if (this.state === "done") return this.file.size;
    return [...this.#sent.values()].reduce((all, one) => all + one, 0);
  }

  async run() {
    await this.#running.catch(() => {}); // from before a pause
    if (this.state !== "waiting") return; // it was cancelled in the meantime
    this.#controller = new AbortController();
    this.error = null;
    this.#become("sending");
    this.#running = this.operation === "upload" ? this.#sendWhole() : this.#sendInParts();
    try {
      await this.#running;
      this.#become("done");
    } catch (error) {
      this.#controller.abort();
      if (isGone(error)) this.#forget();
      this.error = error;
      // A pause and a cancellation end up here too, and have set the state.
      if (["sending", "finishing"].includes(this.state)) this.#become("failed");
    }
  }

  pause() {
    if (!this.canPause) return;
    this.#become("paused");
    this.#controller.abort();
  }

  /** Queues the upload again. */
  wait() {
    this.error = null;
    this.#become("waiting");
  }

  async cancel() {
    this.#become("cancelled");
    this.#controller.abort();
    await this.#running.catch(() => {});
    this.error = null;
    if (this.#id === null) return;
    try {
      await this.#abort();
    } catch (error) {
      this.error = error;
    }
    this.onChange();
  }

  /** Forgets the upload without a word: the token to abort it with is gone. */
  drop() {
    this.onChange = () => {};
    this.#become("cancelled");
    this.#controller.abort();
  }

  async #abort() {
    try {
      for (let i = 0; i < ABORTS; i += 1) await this.#service.delete(this.#path, this.target);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    this.#forget();
  }

  #forget() {
    this.#id = null;
    this.#mayBeComplete = false;
    for (const known of [this.#there, this.#sent, this.#urls]) known.clear();
  }

  #become(state) {
    this.state = state;
    this.waits = null;
    this.onChange();
  }

  get #signal() {
    return this.#controller.signal;
  }

  get #patience() {
    const onWait = (seconds) => {
      this.waits = seconds;
      this.onChange();
    };
    return { signal: this.#signal, onWait };
  }

  get #path() {
    return `multipart-uploads/${encodeURIComponent(this.#id)}`;
  }

  #described() {
    const body = { ...this.target, content_length: this.file.size, content_type: this.type };
    return this.overwrite ? { ...body, overwrite: true } : body;
  }

  async #sendWhole() {
    await this.#insist(async () => {
      const signed = await this.#service.post("upload-urls", this.#described(), this.#patience);
      await this.#send(signed, 1, this.file);
    });
  }

  async #sendInParts() {
    if (this.#id === null) await this.#create();
    else if (!this.#mayBeComplete) await this.#look();
    this.#signal.throwIfAborted();
    const missing = this.#numbers.filter((number) => !this.#there.has(number));
    const work = async () => {
      while (missing.length) await this.#sendPart(missing.shift());
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    await this.#complete();
  }

  get #numbers() {
    const count = Math.ceil(this.file.size / this.#partSize);
    return Array.from({ length: count }, (_, index) => index + 1);
  }

  /** Ignores the signal: an upload whose id is not known here could not be aborted. */
  async #create() {
    if (this.checksFirst && !this.overwrite) await this.#refuseIfThere();
    this.#signal.throwIfAborted();
    const made = await this.#service.post("multipart-uploads", this.#described());
    this.#id = made.upload_id;
    this.#partSize = made.part_size;
    this.#urls.keep(made);
  }

  /** The completion would fail too, but only after all bytes were sent. */
  async #refuseIfThere() {
    const { found } = await this.#service.post("object-checks", this.target, this.#patience);
    if (found)
      throw new StoreError("An object with this name already exists. It was not changed.", {
        status: 412,
      });
  }

  /** Reads from the store which parts it has. */
  async #look() {
    const { parts } = await this.#service.get(`${this.#path}/parts`, this.target, this.#patience);
    const whole = parts.filter((part) => part.content_length === this.#slice(part.part_number).size);
    this.#there = new Map(whole.map((part) => [part.part_number, part.etag]));
    this.#sent = new Map(whole.map((part) => [part.part_number, part.content_length]));
    this.onChange();
  }

  #slice(number) {
    const start = (number - 1) * this.#partSize;
    return this.file.slice(start, Math.min(start + this.#partSize, this.file.size));
  }

  async #sendPart(number) {
    await this.#insist(async () => {
      const part = await this.#urls.take(number);
      this.#there.set(number, await this.#send(part, number, this.#slice(number)));
    });
  }

  async #send(signed, number, body) {
    const onProgress = (bytes) => {
      this.#sent.set(number, bytes);
      this.onChange();
    };
    try {
      const etag = await send(signed, body, { signal: this.#signal, onProgress });
      onProgress(body.size);
      return etag;
    } catch (error) {
      onProgress(0);
      throw error;
    }
  }

  async #insist(act) {
    let isLost = false; // a response was lost, so the request may have succeeded
    for (let attempt = 1; ; attempt += 1)
      try {
        return await act();
      } catch (error) {
        if (isLost && error.status === 412)
          error.message += " It may be this file: a response was lost.";
        isLost ||= error.status === 0;
        const isOver = attempt === TRIES || !error.isWorthRetrying;
        if (wasAborted(error) || isOver) throw error;
        await sleep(Math.random() * 2 ** (attempt - 2), this.#signal);
      }
  }

  #sign(first) {
    const missing = this.#numbers.filter((number) => number >= first && !this.#there.has(number));
    const ask = {
      ...this.target,
      content_length: this.file.size,
      part_size: this.#partSize,
      part_numbers: missing.slice(0, WINDOW),
    };
    return this.#service.post(`${this.#path}/part-urls`, ask, this.#patience);
  }

  async #complete() {
    this.#become("finishing");
    if ([...this.#there.values()].includes(null)) await this.#look(); // CORS hides the ETags
    const parts = this.#numbers.map((number) => ({
      part_number: number,
      etag: this.#there.get(number),
    }));
    const body = { ...this.target, content_length: this.file.size, parts };
    if (this.overwrite) body.overwrite = true;
    await this.#insist(() => this.#askToComplete(body)); // safe to repeat
  }

  async #askToComplete(body) {
    try {
      await this.#service.post(`${this.#path}/complete`, body, this.#patience);
    } catch (error) {
      this.#mayBeComplete = error instanceof Unreachable || error.status === 504;
      throw error;
    }
  }
}
