// Signs a download for the person at the page.

const DROPPED = new Set(["#/filename", "#/disposition"]);

/**
 * As `downloadUrl` of the client. CloudFront may not pass a file name on to the store: then the URL has none, and
 * the browser may show the file instead of saving it.
 */
export async function downloadUrl(service, { filename, ...options }) {
  try {
    return await service.downloadUrl({ ...options, filename });
  } catch (error) {
    const isDropped = error.code === "invalid_request" && error.errors.some(({ pointer }) => DROPPED.has(pointer));
    if (!isDropped || filename === undefined) throw error;
    return service.downloadUrl(options);
  }
}
