// Sends signed requests to the store, which never gets the token.

import { COPY_TOO_LARGE, PRECONDITION_FAILED, PresignError, SOURCE_CHANGED, UNREACHABLE } from "./errors.js";
import { TemporaryError } from "./retries.js";
import { bytesOf, chunksOf } from "./source.js";

const MAYBE_EXPIRED = [400, 403]; // the URL may have expired: another one shows it
const RETRYABLE = [408, 429, 500, 502, 503, 504];
const REFUSED = "storage_refused";
const STALL_SECONDS = 60; // without a byte sent or an answer
const COPY_SOURCE = "x-amz-copy-source";
export const COPY_SOURCE_CHANGED = "The object has changed, and was not copied.";
export const COPY_SOURCE_GONE = "The object that was to be copied is not there.";
const IS_NODE = globalThis.process?.versions?.node !== undefined;

const CODES_OF_STATUSES = { 404: "not_found", 409: "write_conflict", 412: "object_exists" };
const CODES_OF_S3 = {
  BadDigest: "checksum_mismatch",
  InvalidDigest: "checksum_mismatch",
  XAmzContentChecksumMismatch: "checksum_mismatch",
  NoSuchUpload: "upload_not_found",
};

/**
 * Sends one signed request with its body. `onProgress` gets the number of bytes sent. `now` is in milliseconds.
 *
 * @param {any} signed
 * @param {Blob} body
 * @param {{ signal?: AbortSignal, onProgress?: (sent: number) => void, now?: () => number }} [options]
 * @returns the ETag, also of a copy, or null if the bucket's CORS rules do not expose it, and the version, if there is one
 * @throws TemporaryError if another attempt, with a new URL, may succeed
 */
export async function send(signed, body, { signal, onProgress, now = Date.now } = {}) {
  const validity = new Validity(signed, now);
  const stalled = new AbortController();
  let timer;
  let isOver = false;
  const noteProgress = (sent) => {
    if (isOver) return; // Node reads on for a moment when a request has failed
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), 1000 * STALL_SECONDS);
    validity.note(sent);
    onProgress?.(sent);
  };
  const stop = AbortSignal.any([stalled.signal, ...(signal ? [signal] : [])]);
  const transport = globalThis.XMLHttpRequest ? byXMLHttpRequest : byFetch;
  const store = new URL(signed.url).origin;
  noteProgress(0);
  let answer;
  try {
    answer = await transport(signed, body, stop, noteProgress);
  } catch {
    signal?.throwIfAborted();
    await bytesOf(body.slice(0, 1)); // a file that changed fails like a connection
    throw new TemporaryError(unreachable(store));
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
  if (answer.status >= 300) throw validity.judged(refusal(answer, signed, store));
  if (COPY_SOURCE in signed.headers && !answer.text.includes("CopyObjectResult")) throw noCopy(answer, store);
  onProgress?.(body.size);
  const etag = COPY_SOURCE in signed.headers ? etagOfCopy(answer.text) : answer.etag;
  return { etag, versionId: answer.versionId ?? undefined };
}

function etagOfCopy(text) {
  const [, found] = /<ETag>(?:&quot;|&#34;|")?([^<&"]+)/.exec(text) ?? [];
  return found ? `"${found}"` : null;
}

/**
 * How long the URL of an attempt was valid, and how many bytes were sent meanwhile.
 *
 * A store, or a proxy that reads the whole request first, may look at a URL only once it has the body. A
 * faster attempt then gets further before the URL's end.
 */
class Validity {
  #lifetime;
  #began;
  #now;
  #inTime = 0;

  constructor({ url }, now) {
    this.#lifetime = Number(new URL(url).searchParams.get("X-Amz-Expires") ?? Infinity);
    this.#began = now();
    this.#now = now;
  }

  note(sent) {
    if (!this.#isOver()) this.#inTime = sent;
  }

  /** The failure of the attempt, or that of an expired URL if it may be this. */
  judged(failure) {
    const { code, detail, status, store } = failure.error ?? failure;
    if (!MAYBE_EXPIRED.includes(status) || code !== REFUSED || !this.#isOver()) return failure;
    const why = `The URL was valid for ${this.#lifetime} seconds, and the request took longer.`;
    const advice = "Send smaller parts, or fewer at a time.";
    const expired = new PresignError(code, `${detail} ${why} ${advice}`, { status, store });
    return new TemporaryError(expired, { reached: this.#inTime });
  }

  #isOver() {
    return this.#now() - this.#began >= 1000 * this.#lifetime;
  }
}

/**
 * The ETag of an object, by a signed HEAD or GET, whose body is not read. Null if CORS does not expose it. A store that
 * compresses on the way marks it as weak, which no condition of S3 accepts.
 *
 * @throws TemporaryError as `send`
 */
export async function readEtag(signed, { signal } = {}) {
  const store = new URL(signed.url).origin;
  const stalled = AbortSignal.timeout(1000 * STALL_SECONDS);
  const stop = AbortSignal.any([stalled, ...(signal ? [signal] : [])]);
  const { method, url, headers } = signed;
  let answer;
  try {
    answer = await fetch(url, { method, headers, redirect: "error", credentials: "omit", signal: stop });
  } catch {
    signal?.throwIfAborted();
    throw new TemporaryError(unreachable(store));
  }
  await answer.body?.cancel();
  if (answer.status >= 300) throw refusal({ status: answer.status, text: "" }, signed, store);
  return answer.headers.get("etag")?.replace(/^W\//, "") ?? null;
}

/** fetch reports no upload progress. */
function byXMLHttpRequest({ method, url, headers }, body, signal, noteProgress) {
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.upload.addEventListener("progress", (event) => noteProgress(event.loaded));
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    for (const name of ["abort", "error"]) request.addEventListener(name, () => reject(new Error(name)));
    request.addEventListener("load", () => {
      // getResponseHeader would log an error if CORS does not expose the header.
      const found = new Headers(lines(request.getAllResponseHeaders()));
      resolve(answerOf(request.status, found, request.responseText));
    });
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });
}

const lines = (text) =>
  text
    .trim()
    .split(/\r?\n/)
    .filter((line) => line.includes(":"))
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);

async function byFetch({ method, url, headers }, body, signal, noteProgress) {
  // Only Node sends a stream with its length, which is signed. Others send chunks, which have none.
  const streamed = {
    headers: { ...headers, "content-length": String(body.size) },
    body: counted(body, noteProgress),
    duplex: "half",
  };
  const request = IS_NODE && body.size ? streamed : { headers, body };
  const answer = await fetch(url, { method, redirect: "error", credentials: "omit", signal, ...request });
  return answerOf(answer.status, answer.headers, await answer.text());
}

/** A stream, as fetch copies each chunk of an async iterable twice: with one a GiB takes 4.4 s of CPU, so 3.8. */
function counted(body, noteProgress) {
  const chunks = chunksOf(body);
  let sent = 0;
  const pull = async (controller) => {
    if (sent) noteProgress(sent);
    const { done, value } = await chunks.next();
    if (done) return controller.close();
    controller.enqueue(value);
    sent += value.length;
  };
  return new ReadableStream({ pull, cancel: () => chunks.return() }, { highWaterMark: 0 });
}

const answerOf = (status, headers, text) => ({
  ...{ status, text },
  etag: headers.get("etag"),
  versionId: headers.get("x-amz-version-id"),
});

function unreachable(store) {
  const why = globalThis.document
    ? "Either it cannot be reached, or the bucket’s CORS rules do not allow this page."
    : "It cannot be reached, or it ended the connection.";
  return new PresignError(UNREACHABLE, `The store did not respond. ${why}`, { store });
}

/** S3's message is left out: it may contain the key or the URL. */
function refusal({ status, text }, { method, headers }, store) {
  const refused = (code, detail) => new PresignError(code, detail, { status, store });
  const failed = status === 412 && failedCondition(method, headers, text);
  if (failed) return refused(...failed);
  if (COPY_SOURCE in headers && text.includes("larger than the maximum allowable"))
    return refused(COPY_TOO_LARGE, "S3 copies objects of up to 5 GiB.");
  const found = /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1];
  const usual = RETRYABLE.includes(status) ? "storage_unavailable" : REFUSED;
  const code = CODES_OF_S3[found] ?? CODES_OF_STATUSES[status] ?? usual;
  const isSourceGone = COPY_SOURCE in headers && status === 404 && found !== "NoSuchBucket";
  const detail = `The store refused: HTTP ${status}${found ? `, ${found}` : ""}.`;
  const error = refused(code, isSourceGone ? COPY_SOURCE_GONE : detail);
  if (RETRYABLE.includes(status)) return new TemporaryError(error);
  return MAYBE_EXPIRED.includes(status) ? new TemporaryError(error, { tries: 2 }) : error;
}

/** Code and detail of the source, or null if the condition was on the target. S3 names it, other stores do not. */
function failedCondition(method, headers, text) {
  if (method === "DELETE") return [SOURCE_CHANGED, "The object was replaced meanwhile, and is not deleted."];
  if (!(COPY_SOURCE in headers)) return null;
  const named = /<Condition>([^<]*)<\/Condition>/.exec(text)?.[1].toLowerCase() ?? "";
  if (!("if-none-match" in headers) || named.startsWith(COPY_SOURCE)) return [SOURCE_CHANGED, COPY_SOURCE_CHANGED];
  if (!(`${COPY_SOURCE}-if-match` in headers) || named === "if-none-match") return null;
  return [PRECONDITION_FAILED, "The target exists, or the source has changed. The store does not say which."];
}

/** S3 may find an error after it has sent the status 200: …/latest/API/API_CopyObject.html */
function noCopy({ status, text }, store) {
  const found = /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1];
  const isTemporary = !found || ["InternalError", "SlowDown", "ServiceUnavailable"].includes(found);
  const code = isTemporary ? "storage_unavailable" : REFUSED;
  const detail = `The store did not copy${found ? `: ${found}` : ""}.`;
  const error = new PresignError(code, detail, { status, store });
  return isTemporary ? new TemporaryError(error) : error;
}
