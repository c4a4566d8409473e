// Signs a download for the person at the page.

const DROPPED = new Set(["#/filename", "#/disposition"]);

/**
 * As `downloadUrl` of the client. CloudFront may not pass a file name on to the store: then the URL has none, and
 * the browser may show the file instead of saving it.
 */
export async function downloadUrl(client, { filename, ...options }) {
  try {
    return await client.downloadUrl({ ...options, filename });
  } catch (error) {
    if (!isNameDropped(error) || filename === undefined) throw error;
    return client.downloadUrl(options);
  }
}

/** Whether a download was refused since CloudFront would not pass its file's name on. */
export const isNameDropped = ({ code, errors }) =>
  code === "invalid_request" && errors.some(({ pointer }) => DROPPED.has(pointer));
