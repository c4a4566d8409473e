// One file on its way: whole, or in parts that can be paused. Nothing of it is kept beyond the page.
//
// - To resume is to ask the store which parts it has: it knows, whatever this page believes.
// - Whoever cancels leaves nothing behind: the upload is aborted at the store until it is gone.

import { PartUrls } from "./part_urls.js";
import { Problem, Unreachable, sleep, wasAborted } from "./service.js";
import { StoreFault, send } from "./store.js";

const PARALLEL = 3;
const WINDOW = 16; // URLs a call
const TRIES = 4;
const ABORTS = 3; // a part that was on its way may arrive after the first

const isGone = (error) =>
  (error instanceof Problem && error.code === "upload_not_found") ||
  (error instanceof StoreFault && error.status === 404);

export class Upload {
  state = "waiting"; // sending, finishing, paused, done, failed, cancelled
  error = null;
  waits = null; // seconds, while the service says to wait
  #service;
  #controller = new AbortController();
  #running = Promise.resolve();
  #id = null;
  #partSize = 0;
  #there = new Map(); // part number -> ETag, or null where the page may not read it
  #sent = new Map(); // part number -> bytes
  #urls;
  #mayBeComplete = false; // the answer was lost: then the store may know the upload no more

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

  /** Whether the store has something of it that only `cancel` removes. */
  get hasParts() {
    return this.#id !== null;
  }

  get canPause() {
    return this.state === "sending" && this.operation === "multipart";
  }

  /** There is an object of this name, which the upload did not replace. */
  get found() {
    return this.error?.status === 412;
  }

  get sent() {
    if (this.state === "done") return this.file.size;
    return [...this.#sent.values()].reduce((all, one) => all + one, 0);
  }

  async run() {
    await this.#running.catch(() => {}); // of before a pause
    if (this.state !== "waiting") return; // it was cancelled meanwhile
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
      // Paused and cancelled it ends like this too, and its state says so already.
      if (["sending", "finishing"].includes(this.state)) this.#become("failed");
    }
  }

  pause() {
    if (!this.canPause) return;
    this.#become("paused");
    this.#controller.abort();
  }

  /** To be run again, when its turn comes. */
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

  /** Nobody is there any more to whom it could be told, or with whose token it could be aborted. */
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

  /** Without the signal: an upload that was begun and is not known here could not be aborted. */
  async #create() {
    if (this.checksFirst && !this.overwrite) await this.#refuseIfThere();
    this.#signal.throwIfAborted();
    const made = await this.#service.post("multipart-uploads", this.#described());
    this.#id = made.upload_id;
    this.#partSize = made.part_size;
    this.#urls.keep(made);
  }

  /** The completion would say it too, but after all the bytes. */
  async #refuseIfThere() {
    const { found } = await this.#service.post("object-checks", this.target, this.#patience);
    if (found)
      throw new StoreFault("An object of this name is there already. It was left as it is.", {
        status: 412,
      });
  }

  /** What the store has, which is all that counts. */
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
    let isLost = false; // an answer, of what may have been done all the same
    for (let attempt = 1; ; attempt += 1)
      try {
        return await act();
      } catch (error) {
        if (isLost && error.status === 412)
          error.message += " It may be this very file: an answer was lost on its way.";
        isLost ||= error.status === 0;
        const isOver = attempt === TRIES || !error.isWorthAnother;
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
    await this.#insist(() => this.#askToComplete(body)); // it is safe to repeat
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
