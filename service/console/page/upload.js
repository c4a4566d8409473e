// The upload of one file, which can be paused, repeated and cancelled.

import { PARALLEL_PARTS } from "./upload_queue.js";

export class Upload {
  state = "waiting"; // sending, finishing, paused, done, failed, skipped, cancelled
  error = null;
  waits = null; // seconds, while waiting for a Retry-After
  sent = 0; // bytes
  etag; // of the object that it made, if the store shows it
  #service;
  #controller = new AbortController();
  #running = Promise.resolve();
  #notes = new Map(); // what the client needs to resume, even if the browser keeps nothing
  #kept;
  #resume = {
    getItem: async (name) => {
      const kept = this.#notes.get(name) ?? (await this.#kept.getItem(name).catch(() => null));
      if (kept !== null) this.#notes.set(name, kept);
      return kept;
    },
    setItem: async (name, note) => {
      this.#notes.set(name, note);
      await this.#kept.setItem(name, note).catch(() => {});
    },
    removeItem: async (name) => {
      this.#notes.delete(name);
      await this.#kept.removeItem(name).catch(() => {});
    },
  };

  /** `resume` keeps what resumes the upload when the page is closed. */
  constructor({ service, file, bucket, key, type, operation, overwrite, resume, onChange }) {
    this.#service = service;
    this.#kept = resume;
    this.file = file;
    this.target = { bucket, key };
    this.type = type;
    this.operation = operation;
    this.overwrite = overwrite;
    this.onChange = onChange;
  }

  /** Whether the store has parts that only `cancel` removes. */
  get hasParts() {
    return this.#notes.size > 0;
  }

  get isActive() {
    return ["waiting", "sending", "finishing", "paused"].includes(this.state);
  }

  get canPause() {
    return ["waiting", "sending"].includes(this.state);
  }

  /** Whether an object with this name exists, which the upload did not replace. */
  get found() {
    return this.error?.code === "object_exists";
  }

  async run() {
    await this.#running.catch(() => {}); // from before a pause
    if (this.state !== "waiting") return; // it was cancelled in the meantime
    this.#controller = new AbortController();
    this.#abortIfBlocked(this.#controller);
    this.error = null;
    this.sent = 0;
    this.#become("sending");
    this.#running = this.#service.client.upload(this.file, this.#options);
    try {
      this.etag = (await this.#running).etag ?? undefined;
      this.#become("done");
    } catch (error) {
      this.error = error;
      // A pause and a cancellation end up here too, and have set the state.
      if (["sending", "finishing"].includes(this.state)) this.#become("failed");
    } finally {
      this.#controller.abort(); // no longer listens
    }
  }

  get #options() {
    return {
      ...this.target,
      contentType: this.type,
      operation: this.operation,
      overwrite: this.overwrite,
      parallel: PARALLEL_PARTS,
      resume: this.#resume,
      signal: this.#controller.signal,
      onWait: (seconds) => {
        this.waits = seconds;
        this.onChange();
      },
      onProgress: ({ sent, stage }) => {
        this.sent = sent;
        if (stage === "completing") this.#become("finishing");
        else this.onChange();
      },
    };
  }

  /** The policy of this page cannot name a store that was configured after the page was opened. */
  #abortIfBlocked(controller) {
    const onViolation = ({ effectiveDirective, blockedURI }) => {
      if (effectiveDirective !== "connect-src" || !URL.canParse(blockedURI)) return;
      const { host } = new URL(blockedURI);
      const words = `This page was opened before the store ${host} was configured, so it may not send there.`;
      controller.abort(new Error(`${words} Reload the page and sign in again.`));
    };
    document.addEventListener("securitypolicyviolation", onViolation, { signal: controller.signal });
  }

  pause() {
    if (this.canPause) this.halt();
  }

  /** Pauses even what is being finished: the sign-in ended. When it goes on, it finds out whether the object was made. */
  halt() {
    this.#become("paused");
    this.#controller.abort();
  }

  /** Queues the upload again. */
  wait() {
    this.error = null;
    this.#become("waiting");
  }

  /** Aborts the upload, at the store too. */
  async cancel() {
    const { client } = this.#service; // another person's may follow
    this.#become("cancelled");
    this.#controller.abort();
    await this.#running.catch(() => {});
    this.error = null;
    if (!this.hasParts) return;
    try {
      await this.#abort(client);
    } catch (error) {
      this.error = error;
    }
    this.onChange();
  }

  /** Leaves out a file whose name is taken. */
  skip() {
    this.error = null;
    this.#become("skipped");
    this.giveUp();
  }

  /** Removes the parts of an upload that failed. If that fails too, the next tab lists it as interrupted. */
  giveUp() {
    if (this.hasParts) this.#abort(this.#service.client).catch(() => {});
  }

  /** Stops without an abort at the store: there is no token for it, or the upload is to be resumed later. */
  drop() {
    this.onChange = () => {};
    this.#become("cancelled");
    this.#controller.abort();
  }

  #abort(client) {
    return client.abortUpload({ ...this.target, resume: this.#resume });
  }

  #become(state) {
    this.state = state;
    this.waits = null;
    this.onChange();
  }
}
