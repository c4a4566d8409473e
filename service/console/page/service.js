// The service's calls. The token is in this object's memory and nowhere else: no cookie, no storage, no
// address, and nothing of the page shows it.

const TRIES = 6;
const LONGEST_WAIT = 120; // seconds; whoever is told to wait longer is told so
const AGAIN = [429, 503]; // refused before anything was done, and the service says for how long

/** What the service refused, in its own words. */
export class Problem extends Error {
  constructor(status, told, retryAfter) {
    super(typeof told.detail === "string" ? told.detail : `The service answered ${status}.`);
    this.status = status;
    this.code = told.code;
    // A proxy in between has errors of other shapes.
    const errors = Array.isArray(told.errors) ? told.errors : [];
    this.errors = errors.filter((error) => typeof error?.pointer === "string");
    this.requestId = told.request_id;
    this.retryAfter = retryAfter;
  }
}

/** No answer of the service's came. */
export class Unreachable extends Error {
  constructor() {
    super("The service did not answer. See that you are connected, and try again.");
  }

  get isWorthAnother() {
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
  #skew = null; // of the service's clock to ours, in milliseconds

  /** `base` is where the service is; `onUnauthenticated` hears of a token that is good no more. */
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

  /** The time as the service has it, which is what lifetimes are counted in. */
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

  /** Whether the service has a call; its document says so to anybody. */
  async has(path) {
    const answer = await this.#fetch("../openapi.json", { method: "GET" });
    return answer.ok && path in ((await answer.json()).paths ?? {});
  }

  /** `onWait` is told the seconds for which the service says to wait, and null once that is over. */
  async #ask(path, request, { signal, onWait } = {}) {
    const token = this.#token;
    const headers = { authorization: `Bearer ${token}` };
    if (request.body !== undefined) headers["content-type"] = "application/json";
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#fetch(path, { ...request, headers, signal });
      if (answer.ok) return answer.status === 204 ? null : answer.json();
      const problem = await problemOf(answer);
      // Of a token that was forgotten meanwhile, it says nothing of who is signed in now.
      if (problem.status === 401 && token === this.#token) this.onUnauthenticated(problem);
      const isTold = AGAIN.includes(problem.status) && problem.retryAfter <= LONGEST_WAIT;
      if (!isTold || attempt === TRIES) throw problem;
      onWait?.(problem.retryAfter);
      await sleep(problem.retryAfter, signal);
      onWait?.(null);
    }
  }

  /** An answer that was long on its way tells a time that has passed: the latest told is the truest. */
  #setClock(date) {
    if (Number.isNaN(date)) return;
    const skew = date + 500 - Date.now(); // it tells whole seconds
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
  const told = (await answer.json().catch(() => null)) ?? {};
  const seconds = Number.parseInt(answer.headers.get("retry-after"), 10);
  return new Problem(answer.status, told, Number.isNaN(seconds) ? Infinity : seconds);
}
