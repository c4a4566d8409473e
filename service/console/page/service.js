// Calls to the service. The token is kept in this object's memory only: not in a cookie, in storage, in
// the address or in the page.

import { PresignError } from "./client/errors.js";
import { Presign } from "./client/presign.js";
import { find } from "./folder_contents.js";

const CALLER = "v1/caller";
const RETRIES = { tries: 4, maxWait: 120 }; // seconds; a longer Retry-After is shown as an error

export class Service extends Presign {
  /** Called when the grants do not allow a call: the page knew other ones. */
  onForbidden = () => {};
  /** Another object after each sign-in that ends: what takes several calls is no matter of the next person's. */
  session = {};
  #token = null;
  #skew = null; // milliseconds that the service's clock is ahead of ours

  /** `url` is the service's; `onUnauthenticated` is called when the token is not valid. */
  constructor(url, onUnauthenticated) {
    super({ url, retries: RETRIES, fetch: (...request) => this.#fetch(...request) });
    this.onUnauthenticated = onUnauthenticated;
  }

  remember(token) {
    this.#token = token;
  }

  forget() {
    this.#token = null;
    this.session = {};
  }

  /** The service's time in milliseconds, by which lifetimes count. */
  now() {
    return Date.now() + (this.#skew ?? 0);
  }

  /** All attempts of a call have the token that was current when it began. */
  async call(method, path, options) {
    const token = this.#token;
    const headers = { ...options?.headers, authorization: `Bearer ${token}` };
    try {
      return await super.call(method, path, { ...options, headers });
    } catch (error) {
      // A token that was forgotten in the meantime says nothing about the current one, nor does a call without one.
      if (error.status === 401 && token !== null && token === this.#token) this.onUnauthenticated(error);
      if (error.status === 403 && path !== CALLER) this.onForbidden(); // which asks for the caller
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
    const answer = await fetch(...request);
    this.#setClock(Date.parse(answer.headers.get("date")));
    return answer;
  }

  /** A delayed response carries an old time, so the latest time seen is the most accurate. */
  #setClock(date) {
    if (Number.isNaN(date)) return;
    const skew = date + 500 - Date.now(); // the header has whole seconds
    this.#skew = Math.max(skew, this.#skew ?? skew);
  }
}
