// Many items that are done one after the other, some at the same time. What fails does not stop the others. When the
// sign-in ends or the connection is lost, what is left is kept. Pure.

import { UNREACHABLE } from "./client/errors.js";

const UNAUTHENTICATED = 401;

/** Nobody has answered a question: what it was about waits. */
export class Unanswered extends Error {}

/** Whether an error is about all items: the service knows the caller no longer, or nothing is reached or answered. */
export const isInterruption = (error) =>
  error instanceof Unanswered ||
  (error?.status === UNAUTHENTICATED && !error.store) ||
  error?.code === UNREACHABLE;

export class Batch {
  state = "starting"; // until what was begun before a pause has ended; running, paused, done, cancelled, failed
  done = 0;
  failures = []; // {item, error}
  error = null; // why it has paused or failed
  onChange = () => {};
  #waiting;
  #act;
  #parallel;
  #end;
  #abort;
  #working = Promise.resolve();
  #run = null; // the last one, to its end
  #controller = new AbortController();

  /**
   * `act(item, signal)` does one. After an interruption it is called again for that item. `end` is called once all
   * are done, before the batch says so; what it throws is the batch's failure. `abort` is called if it is cancelled
   * or fails, once nothing is being done.
   */
  constructor(items, act, { parallel = 1, end = () => {}, abort = () => {} } = {}) {
    this.total = items.length;
    this.#waiting = [...items];
    this.#act = act;
    this.#parallel = parallel;
    this.#end = end;
    this.#abort = abort;
  }

  get isOver() {
    return ["done", "cancelled", "failed"].includes(this.state);
  }

  get isRunning() {
    return ["starting", "running"].includes(this.state);
  }

  get left() {
    return this.total - this.done - this.failures.length;
  }

  /** Begins, or goes on after a pause. Resolves once nothing is being done. A second call begins nothing more. */
  run() {
    if (this.state === "paused") this.#become("starting");
    this.#run = Promise.resolve(this.#run).then(() => this.#begin());
    return this.#run;
  }

  async #begin() {
    if (this.state !== "starting") return;
    this.error = null;
    this.#become("running");
    const workers = Array.from({ length: this.#parallel });
    this.#working = Promise.resolve().then(() => Promise.all(workers.map(() => this.#work())));
    await this.#working;
    if (this.state !== "running") return;
    try {
      await this.#end();
      if (this.state === "running") this.#become("done");
    } catch (error) {
      this.fail(error);
    }
  }

  /** Begins no further item until `run`. */
  pause(error = null) {
    if (!this.isRunning) return;
    this.error = error;
    this.#become("paused");
  }

  /** Resolves with the answer to a question, or with null if there is none: then all waits, and no other is asked. */
  async ask(question) {
    if (this.state !== "running") return null;
    const answer = await question();
    if (answer === null) this.pause(new Unanswered("A question was closed."));
    return answer;
  }

  /** Begins no further item. `act` decides whether the signal stops one that is being done. */
  cancel() {
    this.#stop("cancelled");
  }

  /** Ends all of it. */
  fail(error) {
    this.#stop("failed", error);
  }

  /** Does again what has failed, once all else is over. */
  async again() {
    if (!this.isOver) return;
    this.#controller = new AbortController();
    this.#waiting = this.failures.map(({ item }) => item);
    this.failures = [];
    this.state = "paused";
    await this.run();
  }

  #stop(state, error = null) {
    if (this.isOver) return;
    this.error = error;
    this.#become(state);
    this.#controller.abort();
    this.#working.then(this.#abort);
  }

  async #work() {
    while (this.state === "running" && this.#waiting.length) {
      const item = this.#waiting.shift();
      try {
        await this.#act(item, this.#controller.signal);
        this.done += 1;
      } catch (error) {
        this.#note(item, error);
      }
      this.onChange();
    }
  }

  #note(item, error) {
    if (this.isOver) return;
    if (!isInterruption(error)) return void this.failures.push({ item, error });
    this.#waiting.unshift(item);
    if (this.state === "running") this.pause(error); // and not if somebody has gone on since
  }

  #become(state) {
    this.state = state;
    this.onChange();
  }
}
