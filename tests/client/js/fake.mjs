// presign and a store as one HTTP server on loopback. It keeps objects in memory, and checks no signature.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

import { Presign } from "../../../client/js/src/presign.js";

export const TOKEN = "token-of-the-tests";
export const SECRET = "X-Amz-Signature=signature-of-the-tests";
export const LIFETIME = 900; // seconds
const EXPIRES_AT = "2026-03-01T12:15:00Z";

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("base64");

export function problem(status, code, { headers, ...more } = {}) {
  const type = { "content-type": "application/problem+json", "x-request-id": "request-1" };
  const body = JSON.stringify({ code, status, detail: `The detail of ${code}.`, ...more });
  return { status, headers: { ...type, ...headers }, body };
}

export const s3Error = (status, code) => ({ status, body: `<Error><Code>${code}</Code></Error>` });

/** A storage in memory, as `resume` takes one. */
export function storage() {
  const notes = new Map();
  return {
    notes,
    getItem: (name) => notes.get(name) ?? null,
    setItem: (name, note) => notes.set(name, note),
    removeItem: (name) => notes.delete(name),
  };
}

export class Fake {
  objects = new Map(); // key -> {bytes, checksum}
  uploads = new Map(); // id -> part number -> bytes
  requests = []; // {method, path, headers, body, bytes}
  waits = [];
  seconds = 0; // the client's clock, which only tests move
  denied = new Set();
  listsChecksums = true;
  showsEtags = true;
  hash = "md5"; // of an ETag
  /** May answer a request first, with `{status, headers, body}` or `"cut"`. */
  before = () => undefined;
  #server = createServer((request, response) => this.#serve(request, response));
  #created = {};

  static async start(test) {
    const fake = new Fake();
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    fake.url = `http://127.0.0.1:${fake.#server.address().port}`;
    test.after(() => {
      fake.#server.close();
      fake.#server.closeAllConnections();
    });
    return fake;
  }

  presign(options) {
    const retries = { sleep: async (seconds) => void this.waits.push(seconds), random: () => 0.5, now: () => 1000 * this.seconds };
    return new Presign({ url: this.url, token: TOKEN, retries, ...options });
  }

  put(key, bytes) {
    this.objects.set(key, { bytes: Buffer.from(bytes), checksum: sha256(bytes) });
  }

  content(key) {
    return this.objects.get(key)?.bytes.toString();
  }

  /** Method and path of each call of the service. */
  get calls() {
    const calls = this.requests.filter(({ path }) => !path.startsWith("store/"));
    return calls.map(({ method, path }) => `${method} ${path.replace("v1/", "")}`);
  }

  /** Numbers of the parts that reached the store. */
  get parts() {
    return this.requests.filter(({ query }) => query.part).map(({ query }) => Number(query.part));
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.url);
    const chunks = await Array.fromAsync(request).catch(() => null);
    if (chunks === null) return; // the client has gone
    const bytes = Buffer.concat(chunks);
    const query = Object.fromEntries(url.searchParams);
    const seen = { method: request.method, path: url.pathname.slice(1), query, headers: request.headers, bytes };
    seen.closed = once(response, "close");
    seen.body = request.headers["content-type"] === "application/json" ? JSON.parse(bytes) : undefined;
    this.requests.push(seen);
    const answer = (await this.before(seen)) ?? this.#answer(seen);
    if (answer === "cut") return request.socket.destroy();
    const { status = 200, headers = { "content-type": "application/json" }, body } = answer;
    response.writeHead(status, headers).end(typeof body === "object" ? JSON.stringify(body) : body);
  }

  #answer(request) {
    const { method, path, body, headers } = request;
    if (path.startsWith("store/")) return this.#store(request);
    if (headers.authorization !== `Bearer ${TOKEN}`) return problem(401, "unauthenticated");
    if (this.denied.has(path)) return problem(403, "forbidden");
    const [, call, id, what] = path.split("/");
    if (call === "upload-urls") return { body: this.#signed(body.key, body.overwrite ? { overwrite: "1" } : {}) };
    if (call === "download-urls") return { body: { ...this.#signed(body.key, {}), method: "GET" } };
    if (call === "object-checks") return { body: this.#check(body) };
    if (call !== "multipart-uploads") return problem(404, "not_found");
    if (id === undefined) return this.#create(body);
    if (!this.uploads.has(id)) return problem(404, "upload_not_found");
    if (method === "DELETE") return this.uploads.delete(id) && { status: 204 };
    if (what === "parts") return { body: { parts: this.#listed(id) } };
    return what === "complete" ? this.#complete(id, body) : { body: this.#partUrls(id, body) };
  }

  #signed(key, query, headers = {}) {
    const url = `${this.url}/store/${encodeURIComponent(key)}?${new URLSearchParams(query)}&X-Amz-Expires=${LIFETIME}&${SECRET}`;
    return { method: "PUT", url, headers, expires_at: EXPIRES_AT };
  }

  #check({ key, checksum }) {
    const found = this.objects.get(key);
    if (!found) return { found: false, mismatches: [] };
    const { bytes, checksum: value } = found;
    const mismatches = checksum && checksum.value !== value ? ["checksum"] : [];
    const more = { content_length: bytes.length, etag: this.#etagOf(bytes), mismatches };
    return { found: true, checksums: { SHA256: value }, ...more };
  }

  #create(body) {
    this.#created = body;
    const id = `upload-${this.requests.length}`;
    this.uploads.set(id, new Map());
    return { status: 201, body: { upload_id: id, part_size: body.part_size, parts: [] } };
  }

  #partUrls(upload, { key, part_numbers: numbers, checksums }) {
    const parts = numbers.map((part) => {
      const headers = { "x-amz-checksum-sha256": checksums[part] };
      return { part_number: part, ...this.#signed(key, { upload, part }, headers) };
    });
    return { parts, expires_at: EXPIRES_AT };
  }

  #listed(id) {
    return [...this.uploads.get(id)].map(([number, bytes]) => {
      const part = { part_number: number, etag: this.#etagOf(bytes), content_length: bytes.length };
      return this.listsChecksums ? { ...part, checksum: sha256(bytes) } : part;
    });
  }

  #complete(id, { key, parts, overwrite }) {
    if (this.objects.has(key) && !overwrite) return problem(412, "object_exists");
    const stored = this.uploads.get(id);
    for (const { part_number: number, etag } of parts)
      if (etag !== this.#etagOf(stored.get(number))) return problem(409, "invalid_part");
    this.uploads.delete(id);
    const ordered = parts.map(({ part_number: number }) => stored.get(number));
    const digests = ordered.map((bytes) => createHash("sha256").update(bytes).digest());
    const checksum = `${sha256(Buffer.concat(digests))}-${parts.length}`;
    this.objects.set(key, { bytes: Buffer.concat(ordered), checksum });
    return { body: { etag: this.#etagOf(this.objects.get(key).bytes), version_id: "v2" } };
  }

  #store({ path, query, bytes, headers }) {
    const key = decodeURIComponent(path.slice("store/".length));
    if (headers.authorization) return s3Error(400, "InvalidRequest");
    if (query.part) {
      if (sha256(bytes) !== headers["x-amz-checksum-sha256"]) return s3Error(400, "BadDigest");
      if (!this.uploads.has(query.upload)) return s3Error(404, "NoSuchUpload");
      this.uploads.get(query.upload).set(Number(query.part), bytes);
    } else if (this.objects.has(key) && !query.overwrite) return s3Error(412, "PreconditionFailed");
    else this.put(key, bytes);
    return { headers: this.showsEtags ? { etag: this.#etagOf(bytes), "x-amz-version-id": "v1" } : {} };
  }

  #etagOf(bytes) {
    return `"${createHash(this.hash).update(bytes).digest("hex")}"`;
  }

  get created() {
    return this.#created;
  }
}
