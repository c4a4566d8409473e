// The upload of one file, which can be paused, repeated and cancelled. Nothing outlives the page.

const PARALLEL = 3;

export class Upload {
  state = "waiting"; // sending, finishing, paused, done, failed, cancelled
  error = null;
  waits = null; // seconds, while waiting for a Retry-After
  sent = 0; // bytes
  #service;
  #controller = new AbortController();
  #running = Promise.resolve();
  #notes = new Map(); // what the client needs to resume
  #resume = {
    getItem: (name) => this.#notes.get(name) ?? null,
    setItem: (name, note) => this.#notes.set(name, note),
    removeItem: (name) => this.#notes.delete(name),
  };

  constructor({ service, file, bucket, key, type, operation, overwrite, onChange }) {
    this.#service = service;
    this.file = file;
    this.target = { bucket, key };
    this.type = type;
    this.operation = operation;
    this.overwrite = overwrite;
    this.onChange = onChange;
  }

  get isUnderWay() {
    return ["waiting", "sending", "finishing", "paused"].includes(this.state);
  }

  /** Whether the store has parts that only `cancel` removes. */
  get hasParts() {
    return this.#notes.size > 0;
  }

  get canPause() {
    return this.state === "sending" && this.operation === "multipart";
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
    this.#running = this.#service.upload(this.file, this.#options);
    try {
      await this.#running;
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
      parallel: PARALLEL,
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
    if (!this.canPause) return;
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
    this.#become("cancelled");
    this.#controller.abort();
    await this.#running.catch(() => {});
    this.error = null;
    if (!this.hasParts) return;
    try {
      await this.#service.abortUpload({ ...this.target, resume: this.#resume });
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

  #become(state) {
    this.state = state;
    this.waits = null;
    this.onChange();
  }
}
