// What an object is now, for those who have not listed it.

import { PresignError } from "./errors.js";
import { readEtag } from "./store.js";

/** Its ETag. Without a grant for `head`, the start of a GET says it. Throws if the store shows none. */
export async function etagOf(presign, { bucket, key, signal }) {
  const ask = (what) =>
    presign.retries.run(
      async () => {
        const signed = await presign.call("POST", `v1/${what}-urls`, { body: { bucket, key }, signal });
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
