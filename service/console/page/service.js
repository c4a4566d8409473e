// Calls to the service. The token is kept in memory only: not in a cookie, in storage, in the address or in the page.

import { PresignError } from "./client/errors.js";
import { Presign } from "./client/presign.js";
import { find } from "./folder_contents.js";

const CALLER = "v1/caller";
const RETRIES = { tries: 4, maxWait: 120 }; // seconds; a longer Retry-After is shown as an error

export class Service {
  /** The client of who is signed in. What takes several calls keeps the one that it began with. */
  client;
  /** Called when the grants do not allow a call: the page knew other ones. */
  onForbidden = () => {};
  #onUnauthenticated;
  #skew = null; // milliseconds that the service's clock is ahead of ours

  /** `url` is the service's; `onUnauthenticated` is called when the token is not valid. */
  constructor(url, onUnauthenticated) {
    this.url = url;
    this.#onUnauthenticated = onUnauthenticated;
    this.remember(null);
    this.forget();
  }

  remember(token) {
    this.client?.end();
    this.client = new PersonsClient(this.url, token, {
      onAnswer: (answer) => this.#setClock(Date.parse(answer.headers.get("date"))),
      onUnauthenticated: (error) => this.#onUnauthenticated(error),
      onForbidden: () => this.onForbidden(),
    });
  }

  forget() {
    this.client.end();
  }

  /** The service's time in milliseconds, by which lifetimes count. */
  now() {
    return Date.now() + (this.#skew ?? 0);
  }

  /** A delayed response carries an old time, so the latest time seen is the most accurate. */
  #setClock(date) {
    if (Number.isNaN(date)) return;
    const skew = date + 500 - Date.now(); // the header has whole seconds
    this.#skew = Math.max(skew, this.#skew ?? skew);
  }
}

/**
 * The client of one person. Once the sign-in has ended it asks for nothing, whatever waits to be tried again, and no
 * answer counts: each call fails as if the service no longer knew the token.
 */
class PersonsClient extends Presign {
  #ending = new AbortController();
  #on;

  constructor(url, token, on) {
    super({ url, token, retries: RETRIES, fetch: (...request) => this.#fetch(...request) });
    this.#on = on;
  }

  /** Aborted when the sign-in has ended. */
  get ended() {
    return this.#ending.signal;
  }

  end() {
    this.#ending.abort(new PresignError("unauthenticated", "The sign-in has ended.", { status: 401 }));
  }

  async call(method, path, { signal, ...options } = {}) {
    const { ended } = this;
    // Where a call is not repeated, its answer alone has the id of what it made: an upload could not be resumed.
    const ends = options.isRepeatable === false ? [] : [ended];
    const stop = AbortSignal.any(signal ? [signal, ...ends] : ends);
    try {
      return await super.call(method, path, { ...options, signal: stop });
    } catch (error) {
      ended.throwIfAborted();
      if (error.status === 401) this.#on.onUnauthenticated(error);
      if (error.status === 403 && path !== CALLER) this.#on.onForbidden(); // which asks for the caller
      throw error;
    }
  }

  post(path, body, options) {
    return this.call("POST", `v1/${path}`, { ...options, body });
  }

  caller(options) {
    return this.call("GET", CALLER, options);
  }

  /** The list says it: the bucket's rule for this page may have no HEAD, and a GET may be of CloudFront's cache. */
  async etag(place) {
    const found = await find(this, place);
    if (found) return found.etag;
    throw new PresignError("not_found", "The file is no longer there.", { status: 404 });
  }

  /** Whether the service has this path, by its public OpenAPI document. */
  async has(path) {
    return path in ((await this.call("GET", "openapi.json")).paths ?? {});
  }

  async #fetch(...request) {
    this.ended.throwIfAborted(); // a call that is not repeated waits for a rate limit
    const answer = await fetch(...request);
    this.#on.onAnswer(answer);
    return answer;
  }
}
