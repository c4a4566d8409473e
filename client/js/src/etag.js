// What an object is now, for those who have not listed it.

import { PRECONDITION_FAILED, PresignError, SOURCE_CHANGED, UNREACHABLE } from "./errors.js";
import { COPY_SOURCE_CHANGED, COPY_SOURCE_GONE, readEtag } from "./store.js";

/**
 * Its ETag. Without a grant for `head`, the start of a GET says it. Throws if the store shows none.
 *
 * @param {any} presign
 * @param {{ bucket: string, key: string, versionId?: string, signal?: AbortSignal }} place
 */
export async function etagOf(presign, { bucket, key, versionId, signal }) {
  const body = { bucket, key, version_id: versionId };
  const ask = (what) =>
    presign.retries.run(
      async () => {
        const signed = await presign.call("POST", `v1/${what}-urls`, { body, signal });
        return readEtag(signed, { signal });
      },
      { signal },
    );
  const etag = await ask("head").catch((error) => {
    if (error.code !== "forbidden") throw error;
    return ask("download");
  });
  if (etag) return etag;
  const detail = "The store shows no ETag to this page. Expose it by CORS, or give `etag`.";
  throw new PresignError("storage_refused", detail);
}

/** Why a copy failed, by what its source is now: the error to throw in place of `error`. */
export async function causeOf(presign, error, { etag, signal, ...source }) {
  const { store, attempts } = error;
  const cause = (code, detail, status = 412) =>
    Object.assign(new PresignError(code, detail, { status, store }), { attempts });
  try {
    const now = await presign.etag({ ...source, signal });
    if (error.code !== PRECONDITION_FAILED) return error;
    if (bare(now) !== bare(etag)) return cause(SOURCE_CHANGED, COPY_SOURCE_CHANGED);
    return cause("object_exists", "The target of the copy exists.");
  } catch (unseen) {
    signal?.throwIfAborted();
    if (unseen.code === "not_found") return cause("not_found", COPY_SOURCE_GONE, 404);
    const isOfService = unseen.code === "unauthenticated" || (unseen.code === UNREACHABLE && !unseen.store);
    return isOfService ? unseen : error;
  }
}

const bare = (etag) => etag.replace(/^"|"$/g, "");
