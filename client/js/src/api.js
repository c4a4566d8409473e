// Calls of the service: the token, problems and retries.

import { INVALID_TOKEN, NOT_PRESIGN, PresignError, UNREACHABLE } from "./errors.js";
import { TemporaryError } from "./retries.js";

const RETRYABLE = [429, 500, 503, 504]; // not 502: the store refused, and would refuse again
const TOO_MANY = 429; // the service did nothing
const UNREACHED_TRIES = 2; // while the service has never answered, its address may be wrong
const TIMEOUT_SECONDS = 400; // the service may list parts for 60 s, and complete for 300
const STRANGER =
  "but not from presign: a proxy or a login page is in between, or the URL of the service is wrong.";

export class Api {
  #url;
  #token;
  #headers;
  #fetch;
  #retries;
  #reached = false;

  /** @param {import("../presign.js").ServiceOptions} service */
  constructor({ url, token, headers = {}, fetch = globalThis.fetch }, retries) {
    this.#url = new URL(String(url).replace(/\/*$/, "/"), globalThis.location?.href).href;
    this.#token = token;
    this.#headers = headers;
    this.#fetch = fetch;
    this.#retries = retries;
  }

  get url() {
    return this.#url;
  }

  /** Returns the answer's JSON, or null if it has no body. `path` is relative to the service's URL. */
  call(method, path, { query, body, headers, isRepeatable = true, signal, onWait } = {}) {
    const url = new URL(path, this.#url);
    for (const [name, value] of Object.entries(query ?? {}))
      if (value !== undefined) url.searchParams.set(name, value);
    const request = { method, headers: { ...headers } };
    if (body !== undefined) {
      request.headers["content-type"] = "application/json";
      request.body = JSON.stringify(body); // leaves out what is undefined
    }
    const attempt = () => this.#once(url, request, { isRepeatable, signal });
    return this.#retries.run(attempt, { signal, onWait });
  }

  async #once(url, request, { isRepeatable, signal }) {
    const headers = { ...request.headers, ...(await this.#identity()) };
    const timeout = AbortSignal.timeout(1000 * TIMEOUT_SECONDS);
    const stop = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const fixed = { cache: "no-store", credentials: "omit", redirect: "error", signal: stop };
    let answer, text;
    try {
      // Called as a function: browsers insist on it.
      const fetch = this.#fetch;
      answer = await fetch(url.href, { ...request, ...fixed, headers });
      text = await answer.text();
    } catch {
      signal?.throwIfAborted();
      const error = new PresignError(UNREACHABLE, noAnswer(this.#url));
      if (!isRepeatable) throw error;
      throw new TemporaryError(error, { tries: this.#reached ? Infinity : UNREACHED_TRIES });
    }
    this.#reached = true;
    return read(answer, text, isRepeatable);
  }

  async #identity() {
    const headers = typeof this.#headers === "function" ? await this.#headers() : this.#headers;
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (token === undefined) return headers;
    // fetch would name the token in its error.
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new PresignError(INVALID_TOKEN, "The token is empty, or has a character that no token has.");
    return { ...headers, authorization: `Bearer ${token}` };
  }
}

/** `fetch` says no reason; only the browser's console has it. The origin is without user and password. */
function noAnswer(url) {
  const { origin } = new URL(url);
  const isOfOtherPage = globalThis.document && origin !== globalThis.location.origin;
  const hint = isOfOtherPage
    ? "If the browser's console mentions CORS, add this page's origin to cors_origins."
    : "Is the URL of the service right?";
  return `No answer from ${origin}. ${hint}`;
}

function read(answer, text, isRepeatable) {
  if (answer.status === 204) return null;
  const type = (answer.headers.get("content-type") ?? "").split(";")[0];
  const json = parsed(text);
  if (answer.ok && type === "application/json" && json !== undefined) return json;
  const error = (type === "application/problem+json" && problem(answer, json)) || notPresign(answer);
  const mayRepeat = isRepeatable || answer.status === TOO_MANY;
  throw RETRYABLE.includes(answer.status) && mayRepeat ? new TemporaryError(error) : error;
}

function problem(answer, json) {
  const { code, detail, errors, request_id: requestId } = json ?? {};
  if (typeof code !== "string" || typeof detail !== "string") return null;
  return new PresignError(code, detail, {
    status: answer.status,
    errors: Array.isArray(errors) ? errors.filter((each) => typeof each?.pointer === "string") : [],
    requestId: requestId ?? answer.headers.get("x-request-id") ?? undefined,
    retryAfter: retryAfter(answer),
  });
}

const notPresign = (answer) =>
  new PresignError(NOT_PRESIGN, `HTTP ${answer.status}, ${STRANGER}`, {
    status: answer.status,
    retryAfter: retryAfter(answer),
  });

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfter(answer) {
  const text = answer.headers.get("retry-after") ?? "";
  return /^\d+$/.test(text) ? Number(text) : 0;
}
