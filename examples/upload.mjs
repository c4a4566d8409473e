// Upload a file through presign, in parallel parts, and resume after an interruption.
//
//     PRESIGN_TOKEN=… node upload.mjs --service https://presign.example.com --bucket reports FILE KEY
//
// It needs Node 20, no packages, and a grant of `multipart`, `upload` and `check`. Its rules:
// - Only the service gets the token; the store gets what the service signed. Neither token nor URL is
//   printed or saved.
// - The next run finds the upload in FILE.presign-upload.json. The store lists the parts that it has,
//   and their digests show whether they still match the file: a part that has changed is sent again.
// - URLs are requested just before they are needed, and again for a part that failed.
// - Each part is sent with its SHA-256, which the store compares; at the end the object is checked.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const CHUNK = 2 ** 20; // bytes of a part in memory at a time
const TRIES = 6;
const SERVICE_AGAIN = [429, 500, 503, 504]; // not 502: the store refused, and would refuse again
const STORE_AGAIN = [400, 403, 408, 429, 500, 502, 503, 504]; // 400, 403: the URL may have expired
const EXISTS =
  "object_exists: An object with this key already exists. Use --overwrite to replace it.";
const USAGE = `usage: PRESIGN_TOKEN=… node upload.mjs --service URL --bucket BUCKET
  [--parallel PARTS] [--part-size BYTES] [--overwrite] FILE KEY`;

/** The message for the user. It starts with the problem's code, if the service refused. */
class Failed extends Error {}

/** Calls presign for one object, and sends signed requests to the store. */
class Service {
  constructor(url, token, target) {
    this.url = url.replace(/\/$/, "");
    this.target = target;
    this.headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  }

  get(path) {
    return this.#ask(TRIES, `${path}?${new URLSearchParams(this.target)}`, { method: "GET" });
  }

  post(path, body, tries = TRIES) {
    const content = JSON.stringify({ ...this.target, ...body });
    return this.#ask(tries, path, { method: "POST", body: content });
  }

  async #ask(tries, path, request) {
    let why, least;
    for (let attempt = 0; attempt < tries; attempt++) {
      await pause(attempt, least);
      try {
        const answer = await fetch(`${this.url}/v1/${path}`, { headers: this.headers, ...request });
        if (answer.ok) return await answer.json();
        [why, least] = await problem(answer);
        if (!SERVICE_AGAIN.includes(answer.status)) break;
      } catch (error) {
        why = `the service did not answer: ${nameOf(error)}`;
      }
    }
    throw new Failed(why);
  }

  async send({ method, url, headers, content_length }, body) {
    // The length is signed too. Without this header fetch sends chunks, which have no length.
    const all = { ...headers, "content-length": String(content_length) };
    const answer = await fetch(url, { method, headers: all, body, duplex: "half", redirect: "error" });
    await answer.arrayBuffer(); // so that the connection can be reused
    return answer;
  }

  /** Returns how the store's object differs: names of fields, or `not found`. */
  async mismatches(content_length, sha256) {
    const checksum = { algorithm: "SHA256", value: sha256 };
    const answer = await this.post("object-checks", { content_length, checksum });
    if (!answer.found) return ["not found"];
    // moto, the store of the demo, leaves out the number of parts
    const isSame = answer.checksums.SHA256 === sha256.split("-")[0];
    return answer.mismatches.filter((name) => name !== "checksum" || !isSame);
  }
}

/** Returns the message, and the seconds of `Retry-After`, or 0. */
async function problem(answer) {
  if (answer.headers.get("content-type") !== "application/problem+json")
    return [`HTTP ${answer.status}, not from presign`, 0];
  const { code, detail } = await answer.json();
  return [`${code}: ${detail}`, Number(answer.headers.get("retry-after"))];
}

/** Waits longer before each attempt, with jitter, so that failures do not retry together. */
async function pause(attempt, least = 0) {
  if (attempt) await sleep(1000 * Math.max(least, Math.random() * 2 ** (attempt - 1)));
}

/** The message of a fetch error may hold the URL, and the reason is in its cause. */
const nameOf = (error) => error.cause?.code ?? error.cause?.name ?? error.name;

/** A multipart upload. `plan` is what a later run needs to resume it. */
class Upload {
  constructor(service, path, { upload_id, content_length, part_size }) {
    this.service = service;
    this.path = path;
    this.url = `multipart-uploads/${encodeURIComponent(upload_id)}`;
    this.plan = { content_length, part_size };
    const count = Math.ceil(content_length / part_size);
    this.numbers = Array.from({ length: count }, (_, index) => index + 1);
    this.stored = new Map(); // the parts that the store has
    this.digests = new Map();
    this.sent = new Map();
    this.shown = performance.now();
  }

  /** Lists the parts at the store. Returns false if the upload no longer exists. */
  async resume() {
    try {
      const { parts } = await this.service.get(`${this.url}/parts`);
      this.stored = new Map(parts.map((part) => [part.part_number, part]));
      return true;
    } catch (error) {
      // `not_found`: the id does not fit into a path
      if (/^(upload_)?not_found:/.test(error.message)) return false;
      throw error;
    }
  }

  async send(parallel) {
    const parts = this.#missing(parallel); // shared: each worker takes the next one
    const work = async () => {
      for await (const part of parts) await this.#sendPart(part);
    };
    await Promise.all(Array.from({ length: parallel }, work));
    this.#show();
  }

  /** Yields the parts of one window after the other, and prepares each while others are sent. */
  async *#missing(parallel) {
    for (let start = 0; start < this.numbers.length; start += parallel) {
      const numbers = [];
      for (const number of this.numbers.slice(start, start + parallel))
        if (!(await this.#isStored(number))) numbers.push(number);
      if (numbers.length) yield* await this.#signed(numbers);
    }
  }

  /** Whether the store's part matches the file. */
  async #isStored(number) {
    const sha256 = await this.#digest(number);
    this.digests.set(number, sha256);
    const stored = this.stored.get(number);
    if (stored?.content_length !== this.#length(number)) return false;
    const isSame = stored.checksum // not every store lists checksums; a part's ETag is its MD5
      ? stored.checksum === sha256.toString("base64")
      : stored.etag.replaceAll('"', "") === (await this.#digest(number, "md5")).toString("hex");
    this.sent.set(number, isSame ? this.#length(number) : 0);
    return isSame;
  }

  async #signed(part_numbers) {
    const checksums = Object.fromEntries(part_numbers.map((n) => [n, this.#base64(n)]));
    const window = { part_numbers, checksums, checksum_algorithm: "SHA256" };
    return (await this.service.post(`${this.url}/part-urls`, { ...this.plan, ...window })).parts;
  }

  async #sendPart(part) {
    const number = part.part_number;
    let why;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt) {
        await pause(attempt);
        this.digests.set(number, await this.#digest(number));
        [part] = await this.#signed([number]);
      }
      try {
        const answer = await this.service.send(part, this.#body(number));
        if (answer.ok) return this.stored.set(number, { etag: answer.headers.get("etag") });
        why = `HTTP ${answer.status}`;
        if (!STORE_AGAIN.includes(answer.status)) break;
      } catch (error) {
        why = nameOf(error);
      }
    }
    throw new Failed(`the store did not accept part ${number}: ${why}`);
  }

  async *#body(number) {
    this.sent.set(number, 0);
    for await (const chunk of this.#chunks(number)) {
      yield chunk;
      this.sent.set(number, this.sent.get(number) + chunk.length);
      if (performance.now() > this.shown + (process.stderr.isTTY ? 200 : 5000)) this.#show();
    }
  }

  #chunks(number) {
    const start = (number - 1) * this.plan.part_size;
    const end = start + this.#length(number) - 1; // inclusive
    return createReadStream(this.path, { start, end, highWaterMark: CHUNK });
  }

  #length(number) {
    const { content_length, part_size } = this.plan;
    return Math.min(part_size, content_length - (number - 1) * part_size);
  }

  async #digest(number, algorithm = "sha256") {
    const hash = createHash(algorithm);
    for await (const chunk of this.#chunks(number)) hash.update(chunk);
    return hash.digest();
  }

  #base64(number) {
    return this.digests.get(number).toString("base64");
  }

  /** Shows a progress bar on a terminal, otherwise a line every few seconds. */
  #show() {
    this.shown = performance.now();
    const size = this.plan.content_length;
    const share = [...this.sent.values()].reduce((all, one) => all + one, 0) / size;
    const bar = "#".repeat(40 * share).padEnd(40);
    const percent = (100 * share).toFixed().padStart(3);
    const message = `[${bar}] ${percent}% of ${(size / 2 ** 20).toFixed(1)} MiB`;
    process.stderr.write(message + (process.stderr.isTTY && share < 1 ? "\r" : "\n"));
  }

  /** Completes the upload. Safe to repeat: the service recognises a completed one. */
  async complete(overwrite) {
    const parts = this.numbers.map((part_number) => {
      const { etag } = this.stored.get(part_number);
      return { part_number, etag, checksum: this.#base64(part_number) };
    });
    const { content_length } = this.plan;
    const body = { content_length, parts, checksum_algorithm: "SHA256", overwrite };
    await this.service.post(`${this.url}/complete`, body);
  }

  /** Compares the object. Its SHA-256 is that of its parts' digests, with their number. */
  async mismatches() {
    const whole = createHash("sha256");
    for (const number of this.numbers)
      whole.update(this.digests.get(number) ?? (await this.#digest(number)));
    const sha256 = `${whole.digest("base64")}-${this.numbers.length}`;
    return this.service.mismatches(this.plan.content_length, sha256);
  }
}

/** The file by which a later run finds the upload: its id and its plan. */
class ResumeFile {
  constructor(path, plan) {
    this.path = `${path}.presign-upload.json`;
    this.plan = plan;
  }

  /** Returns null if there is no valid file, or if it has another plan. */
  async read() {
    let saved;
    try {
      saved = JSON.parse(await readFile(this.path, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT" || error instanceof SyntaxError) return null;
      throw error;
    }
    const isWhole = typeof saved?.upload_id === "string" && Number.isInteger(saved.part_size);
    if (!isWhole || saved.part_size <= 0) return null;
    return Object.keys(this.plan).every((name) => saved[name] === this.plan[name]) ? saved : null;
  }

  async write(upload_id, part_size) {
    const saved = { ...this.plan, upload_id, part_size };
    await writeFile(`${this.path}.new`, JSON.stringify(saved)); // replaced in one step
    await rename(`${this.path}.new`, this.path);
    return saved;
  }

  forget() {
    return rm(this.path, { force: true });
  }
}

async function sendParts(options, service, resumeFile) {
  const before = await stat(options.file);
  const saved = await resumeFile.read();
  let upload = saved && new Upload(service, options.file, saved);
  if (upload && !(await upload.resume())) {
    // A run may have completed it, and have been killed before it reported that.
    const mismatches = await upload.mismatches();
    if (!mismatches.length) return mismatches;
    upload = null;
  }
  upload ??= new Upload(service, options.file, await create(options, service, resumeFile));
  await upload.send(options.parallel);
  if ((await stat(options.file)).mtimeMs !== before.mtimeMs)
    throw new Failed("the file has changed during the upload: run this again");
  await upload.complete(options.overwrite);
  return upload.mismatches();
}

async function create({ overwrite }, service, resumeFile) {
  // The completion would fail too, but only after all the bytes.
  if (!overwrite && (await service.post("object-checks", {})).found) throw new Failed(EXISTS);
  const body = { ...resumeFile.plan, checksum_algorithm: "SHA256", overwrite };
  // No retry: it would create a second upload.
  const created = await service.post("multipart-uploads", body, 1);
  return resumeFile.write(created.upload_id, created.part_size);
}

/** Sends a file of 0 bytes: a multipart upload needs at least one. */
async function sendNothing({ overwrite }, service) {
  const sha256 = createHash("sha256").digest("base64");
  const checksum = { algorithm: "SHA256", value: sha256 };
  const signed = await service.post("upload-urls", { content_length: 0, checksum, overwrite });
  const answer = await service.send(signed, "");
  if (answer.status === 412) throw new Failed(EXISTS);
  if (!answer.ok) throw new Failed(`the store refused: HTTP ${answer.status}`);
  return service.mismatches(0, sha256);
}

function readOptions() {
  const text = { type: "string" };
  const names = { service: text, bucket: text, "part-size": text };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ...names, parallel: { ...text, default: "4" }, overwrite: { type: "boolean" } },
  });
  const [file, key] = positionals;
  const { service, bucket, overwrite = false } = values;
  const parallel = Number(values.parallel);
  const isRight = service && bucket && key && positionals.length === 2;
  if (!isRight || !(parallel >= 1 && parallel <= 100)) throw new Failed(USAGE);
  return { service, bucket, file, key, parallel, overwrite, partSize: Number(values["part-size"]) };
}

async function main() {
  const { PRESIGN_TOKEN: token } = process.env;
  if (!token) throw new Failed("PRESIGN_TOKEN is not set");
  const options = readOptions();
  const { bucket, key, file } = options;
  const plan = { bucket, key, content_length: (await stat(file)).size };
  if (options.partSize) plan.part_size = options.partSize;
  const resumeFile = new ResumeFile(file, plan);
  const service = new Service(options.service, token, { bucket, key });
  const send = plan.content_length ? sendParts : sendNothing;
  const mismatches = await send(options, service, resumeFile);
  if (mismatches.length)
    throw new Failed(`the object at the store differs from the file: ${mismatches.join(", ")}`);
  await resumeFile.forget();
  console.log(`${bucket}/${key} is uploaded`);
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exit(1); // other parts may still be in progress
}
