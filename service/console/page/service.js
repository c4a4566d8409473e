// Calls to the service. The token is kept in this object's memory only: not in a cookie, in storage, in
// the address or in the page.

const TRIES = 6;
const LONGEST_WAIT = 120; // seconds; a longer Retry-After is shown as an error
const AGAIN = [429, 503]; // the service did nothing yet, and says how long to wait

/** The service's problem document. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(typeof body.detail === "string" ? body.detail : `The service answered ${status}.`);
    this.status = status;
    this.code = body.code;
    // The error may come from a proxy and have another shape.
    const errors = Array.isArray(body.errors) ? body.errors : [];
    this.errors = errors.filter((error) => typeof error?.pointer === "string");
    this.requestId = body.request_id;
    this.retryAfter = retryAfter;
  }
}

/** The service did not respond. */
export class Unreachable extends Error {
  constructor() {
    super("The service did not respond. Check your connection and try again.");
  }

  get isWorthRetrying() {
    return true;
  }
}

export const wasAborted = (error) => error?.name === "AbortError";

export function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

export class Service {
  #token = null;
  #skew = null; // milliseconds that the service's clock is ahead of ours

  /** `base` is the service's URL; `onUnauthenticated` is called when the token is not valid. */
  constructor(base, onUnauthenticated) {
    this.base = base;
    this.onUnauthenticated = onUnauthenticated;
  }

  remember(token) {
    this.#token = token;
  }

  forget() {
    this.#token = null;
  }

  /** The service's time in milliseconds, by which lifetimes count. */
  now() {
    return Date.now() + (this.#skew ?? 0);
  }

  get(path, query, options) {
    return this.#ask(`${path}?${new URLSearchParams(query)}`, { method: "GET" }, options);
  }

  delete(path, query, options) {
    return this.#ask(`${path}?${new URLSearchParams(query)}`, { method: "DELETE" }, options);
  }

  post(path, body, options) {
    return this.#ask(path, { method: "POST", body: JSON.stringify(body) }, options);
  }

  caller(options) {
    return this.#ask("caller", { method: "GET" }, options);
  }

  /** Whether the service has this path, by its public OpenAPI document. */
  async has(path) {
    const answer = await this.#fetch("../openapi.json", { method: "GET" });
    return answer.ok && path in ((await answer.json()).paths ?? {});
  }

  /** `onWait` is called with the seconds of a Retry-After, and with null when they are over. */
  async #ask(path, request, { signal, onWait } = {}) {
    const token = this.#token;
    const headers = { authorization: `Bearer ${token}` };
    if (request.body !== undefined) headers["content-type"] = "application/json";
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#fetch(path, { ...request, headers, signal });
      if (answer.ok) return answer.status === 204 ? null : answer.json();
      const problem = await problemOf(answer);
      // A token that was forgotten in the meantime says nothing about the current one.
      if (problem.status === 401 && token === this.#token) this.onUnauthenticated(problem);
      const mayWait = AGAIN.includes(problem.status) && problem.retryAfter <= LONGEST_WAIT;
      if (!mayWait || attempt === TRIES) throw problem;
      onWait?.(problem.retryAfter);
      await sleep(problem.retryAfter, signal);
      onWait?.(null);
    }
  }

  /** A delayed response carries an old time, so the latest time seen is the most accurate. */
  #setClock(date) {
    if (Number.isNaN(date)) return;
    const skew = date + 500 - Date.now(); // the header has whole seconds
    this.#skew = Math.max(skew, this.#skew ?? skew);
  }

  async #fetch(path, request) {
    const fixed = { cache: "no-store", credentials: "omit", redirect: "error" };
    try {
      const answer = await fetch(new URL(`v1/${path}`, this.base), { ...fixed, ...request });
      this.#setClock(Date.parse(answer.headers.get("date")));
      return answer;
    } catch (error) {
      if (wasAborted(error)) throw error;
      throw new Unreachable();
    }
  }
}

async function problemOf(answer) {
  const body = (await answer.json().catch(() => null)) ?? {};
  const seconds = Number.parseInt(answer.headers.get("retry-after"), 10);
  return new Problem(answer.status, body, Number.isNaN(seconds) ? Infinity : seconds);
}
