// Sends a signed request with its bytes to a store. The store never gets the token.

/** Origins missing from this page's policy, because it was loaded before they were configured. */
const unnamed = new Set();

export function noteViolation({ effectiveDirective, blockedURI }) {
  if (effectiveDirective === "connect-src" && URL.canParse(blockedURI))
    unnamed.add(new URL(blockedURI).origin);
}

/** An error of the store; `cors` is the rule that the bucket may lack. */
export class StoreError extends Error {
  constructor(message, { status = 0, cors } = {}) {
    super(message);
    this.status = status;
    this.cors = cors;
  }

  /** Whether a new URL may help. Status 0 means no response, -1 that no attempt can help. */
  get isWorthRetrying() {
    return [0, 400, 403, 408, 429, 500, 502, 503, 504].includes(this.status);
  }
}

/** The CORS rule that lets this page upload to a bucket and read ETags. */
export function corsRule(origin) {
  const rule = {
    AllowedOrigins: [origin],
    AllowedMethods: ["GET", "PUT"],
    AllowedHeaders: ["*"],
    ExposeHeaders: ["ETag"],
    MaxAgeSeconds: 3600,
  };
  return JSON.stringify({ CORSRules: [rule] }, null, 2);
}

/** Sends `body`, and returns the ETag, or null if the page may not read it. */
export function send({ method, url, headers }, body, { signal, onProgress }) {
  const request = new XMLHttpRequest(); // fetch reports no upload progress
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("error", () => noAnswer(url, body).then(reject));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(etagOf(request));
      else reject(refused(request));
    });
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });
}

/** getResponseHeader would log an error if CORS does not expose the header. */
const etagOf = (request) => /^etag: *(.+?)\r?$/im.exec(request.getAllResponseHeaders())?.[1] ?? null;

function refused({ status, responseText }) {
  if (status === 412)
    return new StoreError("An object with this name already exists. It was not changed.", { status });
  const code = /<Code>(\w+)<\/Code>/.exec(responseText)?.[1];
  return new StoreError(`The store refused: ${code ?? "no reason given"} (${status}).`, { status });
}

/** The browser does not say why, so this checks what it can. */
async function noAnswer(url, body) {
  const { host, origin } = new URL(url);
  if (unnamed.has(origin))
    return new StoreError(
      `This page was opened before the store ${host} was configured, so it may not send there. ` +
        "Reload the page and sign in again.",
      { status: -1 },
    );
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch {
    const changed = "The file can no longer be read: it was changed, moved or removed. Choose it again.";
    return new StoreError(changed, { status: -1 });
  }
  return new StoreError(
    `No response from the store ${host}. Either it cannot be reached from here, or the bucket’s ` +
      "CORS rules do not allow this page. The owner of the bucket can allow it with this rule:",
    { cors: corsRule(location.origin) },
  );
}
