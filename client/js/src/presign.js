// @ts-check
// The client of presign for browsers and Node. `presign.d.ts` describes what it exports.

/** @import * as Types from "../presign.js" - resolves to presign.d.ts */

import { Api } from "./api.js";
import { NOT_PRESIGN, PRECONDITION_FAILED, PresignError, SOURCE_CHANGED } from "./errors.js";
import { causeOf, etagOf } from "./etag.js";
import { Retries } from "./retries.js";
import { send as sendSigned } from "./store.js";
import { abortUpload, upload as uploadSource } from "./upload.js";

export { PresignError };

/** @type {typeof Types.upload} */
export const upload = (file, { url, token, headers, fetch, retries, ...options }) =>
  new Presign({ url, token, headers, fetch, retries }).upload(file, options);

/** @type {typeof Types.send} */
export function send(signed, body, { signal, onProgress } = {}) {
  /** @param {number} sent */
  const report = (sent) => onProgress?.({ sent, total: body.size, stage: "sending" });
  const attempt = () => sendSigned(signed, body, { signal, onProgress: report });
  return new Retries({ tries: 1 }).run(attempt, { signal });
}

export class Presign {
  #api;

  /** @param {Types.ServiceOptions} options */
  constructor({ retries, ...service }) {
    this.retries = new Retries(retries);
    this.#api = new Api(service, this.retries);
  }

  /** @returns {string} */
  get url() {
    return this.#api.url;
  }

  /** @type {Types.Presign["call"]} */
  call(method, path, options) {
    return this.#api.call(method, path, options);
  }

  /** @type {Types.Presign["upload"]} */
  upload(file, options) {
    return uploadSource(this, file, options);
  }

  /** @type {Types.Presign["abortUpload"]} */
  abortUpload(options) {
    return abortUpload(this, options);
  }

  /** @type {Types.Presign["downloadUrl"]} */
  async downloadUrl({ bucket, key, expiresIn, filename, contentType, disposition, versionId, signal }) {
    const names = { filename, content_type: contentType, disposition };
    const more = { expires_in: expiresIn, ...names, version_id: versionId };
    const body = { bucket, key, ...more };
    const signed = await this.call("POST", "v1/download-urls", { body, signal });
    return {
      method: signed.method,
      url: signed.url,
      headers: signed.headers,
      expiresAt: new Date(signed.expires_at),
      limitedBy: signed.limited_by,
    };
  }

  /** @type {Types.Presign["delete"]} */
  async delete({ bucket, key, versionId, etag, signal }) {
    const body = { bucket, key, version_id: versionId };
    const attempt = async () => {
      const signed = await this.call("POST", "v1/delete-urls", { body, signal });
      const headers = etag === undefined ? signed.headers : { ...signed.headers, "if-match": etag };
      await sendSigned({ ...signed, headers }, new Blob(), { signal });
    };
    await this.retries.run(attempt, { signal });
  }

  /** @type {Types.Presign["copy"]} */
  async copy({ bucket, key, targetBucket = bucket, targetKey, versionId, etag, overwrite, signal }) {
    const source = { bucket, key, version_id: versionId, etag };
    const body = { bucket: targetBucket, key: targetKey, source, overwrite };
    const attempt = async () => {
      const signed = await this.call("POST", "v1/copy-urls", { body, signal });
      return sendSigned(signed, new Blob(), { signal });
    };
    try {
      const { etag: copied } = await this.retries.run(attempt, { signal });
      return { etag: copied };
    } catch (error) {
      if (!(error instanceof PresignError)) throw error;
      // AWS denies a copy of what is gone: the session that copies may not list.
      const isDenied = error.code === "storage_refused" && error.status === 403;
      if (!isDenied && error.code !== PRECONDITION_FAILED) throw error;
      throw await causeOf(this, error, { bucket, key, versionId, etag, signal });
    }
  }

  /** @type {Types.Presign["etag"]} */
  etag(options) {
    return etagOf(this, options);
  }

  /** @type {Types.Presign["move"]} */
  async move({ bucket, key, targetBucket = bucket, targetKey, etag, overwrite, signal }) {
    if (targetBucket === bucket && targetKey === key)
      throw new PresignError("invalid_request", "An object is not moved onto itself.", { status: 422 });
    const only = etag ?? (await this.etag({ bucket, key, signal }));
    await this.copy({ bucket, key, targetBucket, targetKey, etag: only, overwrite, signal });
    try {
      await this.delete({ bucket, key, etag: only, signal });
    } catch (error) {
      if (!(error instanceof PresignError)) throw error;
      if (error.status === 404 && error.store) return; // a lost answer's request has deleted it
      if (error.code !== SOURCE_CHANGED) throw error;
      const detail = "The object was changed after it was copied. Both are kept.";
      throw new PresignError(SOURCE_CHANGED, detail, { status: 412, store: error.store });
    }
  }

  /** @type {Types.Presign["link"]} */
  async link({ bucket, key, prefix, upload: isDropBox, expiresIn, maxUses, signal, ...texts }) {
    const { filename, label, message } = texts;
    const more = { expires_in: expiresIn, max_uses: maxUses, filename, label, message };
    const body = { bucket, key, prefix, operations: isDropBox ? ["upload"] : undefined, ...more };
    const made = await this.call("POST", "v1/links", { body, isRepeatable: false, signal });
    return {
      id: made.id,
      url: made.url,
      expiresAt: new Date(made.expires_at),
      limitedBy: made.limited_by,
      isListed: made.listed === true,
    };
  }

  /** @type {Types.Presign["links"]} */
  async *links({ signal } = {}) {
    for await (const page of this.#pages("v1/links", {}, signal)) yield* page.links.map(listedLink);
  }

  /** @type {Types.Presign["revokeLink"]} */
  async revokeLink(id, { signal } = {}) {
    await this.call("DELETE", `v1/links/${encodeURIComponent(id)}`, { signal });
  }

  /** @type {Types.Presign["list"]} */
  async *list(options) {
    for await (const { prefixes, objects } of this.#entries("v1/objects", options)) {
      for (const key of prefixes) yield { key };
      for (const { last_modified: time, ...entry } of objects)
        yield { ...entry, lastModified: new Date(time) };
    }
  }

  /** @type {Types.Presign["versions"]} */
  async *versions(options) {
    for await (const { prefixes, versions } of this.#entries("v1/object-versions", options)) {
      for (const key of prefixes) yield { key };
      for (const version of versions)
        yield {
          key: version.key,
          versionId: version.version_id,
          isLatest: version.is_latest,
          isDeleteMarker: version.is_delete_marker,
          size: version.size,
          etag: version.etag,
          lastModified: new Date(version.last_modified),
        };
    }
  }

  /**
   * @param {string} path
   * @param {{ bucket: string, prefix?: string, recursive?: boolean, signal?: AbortSignal }} options
   */
  #entries(path, { bucket, prefix = "", recursive = false, signal }) {
    return this.#pages(path, { bucket, prefix, delimiter: recursive ? undefined : "/" }, signal);
  }

  /**
   * @param {string} path
   * @param {Record<string, string | undefined>} query
   * @param {AbortSignal} [signal]
   */
  async *#pages(path, query, signal) {
    let after;
    do {
      const page = await this.call("GET", path, { query: { ...query, after }, signal });
      yield page;
      // Such as from a cache that ignores queries
      if (page.next !== undefined && page.next === after)
        throw new PresignError(NOT_PRESIGN, "The list does not go on: each page is the same.");
      after = page.next;
    } while (after !== undefined);
  }
}

/**
 * @param {any} found
 * @returns {Types.ListedLink}
 */
const listedLink = ({ created_at, expires_at, not_before, max_uses, revoked, ...rest }) => ({
  ...rest,
  createdAt: new Date(created_at),
  expiresAt: new Date(expires_at),
  notBefore: not_before === undefined ? undefined : new Date(not_before),
  maxUses: max_uses,
  isRevoked: revoked,
});
