// The error of every call, and the codes that only the client uses.

export const UNREACHABLE = "unreachable";
export const NOT_PRESIGN = "not_presign";
export const INVALID_TOKEN = "invalid_token";
export const SOURCE_CHANGED = "source_changed";
export const PRECONDITION_FAILED = "precondition_failed";
export const COPY_TOO_LARGE = "copy_too_large";

/**
 * A refusal of the service or of the store, or a failure to reach them.
 *
 * `code` is one of the codes of the API, which a store's refusal gets too, or `unreachable` (no answer),
 * `not_presign` (an answer, but not of presign), `invalid_token` (not sent), `source_changed` (the file or
 * the object changed while it was read, or before it was copied), `precondition_failed` (the target of a copy
 * exists, or its source has changed: nothing says which) or `copy_too_large` (the store copies less at once).
 */
export class PresignError extends Error {
  name = "PresignError";
  /** How many attempts were made. */
  attempts = 1;

  /**
   * @param {string} code
   * @param {string} detail
   * @param {object} [more]
   * @param {number} [more.status] - the HTTP status, or 0 if there was no answer
   * @param {{pointer: string, detail: string}[]} [more.errors] - the fields that the service refused
   * @param {string} [more.requestId]
   * @param {number} [more.retryAfter] - the seconds of `Retry-After`, or 0
   * @param {string} [more.store] - the store's origin, if the error is about the store
   */
  constructor(code, detail, { status = 0, errors = [], requestId, retryAfter = 0, store } = {}) {
    const fields = errors.map((each) => `${each.pointer}: ${each.detail}`).join("; ");
    super(`${code}: ${fields || detail}`);
    this.code = code;
    this.detail = detail;
    this.status = status;
    this.errors = errors;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    this.store = store;
  }
}
