// What is sent to a store: one request that the service signed, with its bytes. The store never gets the token.

/** Origins that this page's policy does not name: it was loaded before they were configured. */
const unnamed = new Set();

export function noteViolation({ effectiveDirective, blockedURI }) {
  if (effectiveDirective === "connect-src" && URL.canParse(blockedURI))
    unnamed.add(new URL(blockedURI).origin);
}

/** What went wrong at the store; `cors` is the rule that the bucket may lack. */
export class StoreFault extends Error {
  constructor(message, { status = 0, cors } = {}) {
    super(message);
    this.status = status;
    this.cors = cors;
  }

  /** A second attempt, with a new URL, may do. 0 is no answer; what no attempt can mend is -1. */
  get isWorthAnother() {
    return [0, 400, 403, 408, 429, 500, 502, 503, 504].includes(this.status);
  }
}

/** A bucket's CORS rule that lets this page send and read. */
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

/** Sends `body`, and answers with the ETag, if the page may read it. */
export function send({ method, url, headers }, body, { signal, onProgress }) {
  const request = new XMLHttpRequest(); // fetch tells no progress of what is sent
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

/** To ask for a header that is not exposed would be logged as an error. */
const etagOf = (request) => /^etag: *(.+?)\r?$/im.exec(request.getAllResponseHeaders())?.[1] ?? null;

function refused({ status, responseText }) {
  if (status === 412)
    return new StoreFault("An object of this name is there already. It was left as it is.", { status });
  const code = /<Code>(\w+)<\/Code>/.exec(responseText)?.[1];
  return new StoreFault(`The store refused: ${code ?? "no reason given"} (${status}).`, { status });
}

/** The browser does not say why: so what can be known here is found out. */
async function noAnswer(url, body) {
  const { host, origin } = new URL(url);
  if (unnamed.has(origin))
    return new StoreFault(
      `This page was opened before the store ${host} was configured, so it may not send there. ` +
        "Reload the page and sign in again.",
      { status: -1 },
    );
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch {
    const changed = "The file cannot be read any more: it was changed, moved or removed. Choose it again.";
    return new StoreFault(changed, { status: -1 });
  }
  return new StoreFault(
    `No answer from the store ${host}. Either it cannot be reached from here, or the bucket’s CORS ` +
      "rules do not let this page send to it. Whoever runs the bucket can allow it:",
    { cors: corsRule(location.origin) },
  );
}
