// Uploads a file through presign, in parts and in parallel; killed, it goes on where it was.
//
//     PRESIGN_TOKEN=… node upload.mjs --service https://presign.example.com --bucket reports FILE KEY
//
// It needs Node 20, no package, and a grant of `multipart`, `upload` and `check`. Its rules:
// - The token goes to the service alone; the store gets what the service signed. Neither token nor
//   URL is printed or written down.
// - The next run finds the upload by FILE.presign-upload.json. Which parts have arrived the store
//   says, and their digests whether they are still the file's: a part that was changed is sent again.
// - URLs are asked for just before they are needed, and anew for a part that failed.
// - Each part is sent with its SHA-256, which the store compares; at the end the object's is compared.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const CHUNK = 2 ** 20; // no more of a part is in memory
const TRIES = 6;
const SERVICE_AGAIN = [429, 500, 503, 504]; // no 502: that store has refused, and would again
const STORE_AGAIN = [400, 403, 408, 429, 500, 502, 503, 504]; // 400, 403: the URL may have run out
const EXISTS = "object_exists: There is an object of this key already. --overwrite replaces it.";
const USAGE = `usage: PRESIGN_TOKEN=… node upload.mjs --service URL --bucket BUCKET
  [--parallel PARTS] [--part-size BYTES] [--overwrite] FILE KEY`;

/** What the user is told. It begins with the problem's code, if the service said no. */
class Failed extends Error {}

/** Asks presign about one object, and sends the store what was signed. */
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
    // The length is signed too. Unless it is told, fetch sends chunks, with no length at all.
    const all = { ...headers, "content-length": String(content_length) };
    const answer = await fetch(url, { method, headers: all, body, duplex: "half", redirect: "error" });
    await answer.arrayBuffer(); // else its connection is not used again
    return answer;
  }

  /** In what the store's object differs from this. */
  async faults(content_length, sha256) {
    const checksum = { algorithm: "SHA256", value: sha256 };
    const answer = await this.post("object-checks", { content_length, checksum });
    if (!answer.found) return ["not found"];
    // moto, the store of the demo, leaves out the number of parts
    const isSame = answer.checksums.SHA256 === sha256.split("-")[0];
    return answer.mismatches.filter((name) => name !== "checksum" || !isSame);
  }
}

/** In words, and the seconds to wait, if any are told. */
async function problem(answer) {
  if (answer.headers.get("content-type") !== "application/problem+json")
    return [`HTTP ${answer.status}, and not from presign`, 0];
  const { code, detail } = await answer.json();
  return [`${code}: ${detail}`, Number(answer.headers.get("retry-after"))];
}

/** Longer each time, and by chance: what failed together should not come back together. */
async function pause(attempt, least = 0) {
  if (attempt) await sleep(1000 * Math.max(least, Math.random() * 2 ** (attempt - 1)));
}

/** Of fetch's errors the words may hold the URL, and the cause has the reason. */
const nameOf = (error) => error.cause?.code ?? error.cause?.name ?? error.name;

/** An upload in parts. `plan` is what a later run has to know to go on with it. */
class Upload {
  constructor(service, path, { upload_id, content_length, part_size }) {
    this.service = service;
    this.path = path;
    this.url = `multipart-uploads/${encodeURIComponent(upload_id)}`;
    this.plan = { content_length, part_size };
    const count = Math.ceil(content_length / part_size);
    this.numbers = Array.from({ length: count }, (_, index) => index + 1);
    this.there = new Map(); // the parts that the store has
    this.digests = new Map();
    this.sent = new Map();
    this.shown = performance.now();
  }

  /** Learns what the store has; false if it knows the upload no more. */
  async resume() {
    try {
      const { parts } = await this.service.get(`${this.url}/parts`);
      this.there = new Map(parts.map((part) => [part.part_number, part]));
      return true;
    } catch (error) {
      // `not_found`: no path of the service has an id so odd
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

  /** Window after window: while the parts of one are on their way, the next is prepared. */
  async *#missing(parallel) {
    for (let start = 0; start < this.numbers.length; start += parallel) {
      const numbers = [];
      for (const number of this.numbers.slice(start, start + parallel))
        if (!(await this.#isThere(number))) numbers.push(number);
      if (numbers.length) yield* await this.#signed(numbers);
    }
  }

  /** Whether the store has the part as the file has it now. */
  async #isThere(number) {
    const sha256 = await this.#digest(number);
    this.digests.set(number, sha256);
    const there = this.there.get(number);
    if (there?.content_length !== this.#length(number)) return false;
    const isSame = there.checksum // not every store lists it; a part's ETag is its MD5
      ? there.checksum === sha256.toString("base64")
      : there.etag.replaceAll('"', "") === (await this.#digest(number, "md5")).toString("hex");
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
        if (answer.ok) return this.there.set(number, { etag: answer.headers.get("etag") });
        why = `HTTP ${answer.status}`;
        if (!STORE_AGAIN.includes(answer.status)) break;
      } catch (error) {
        why = nameOf(error);
      }
    }
    throw new Failed(`the store does not take part ${number}: ${why}`);
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

  /** A bar that grows on a terminal, a line now and then elsewhere. */
  #show() {
    this.shown = performance.now();
    const size = this.plan.content_length;
    const share = [...this.sent.values()].reduce((all, one) => all + one, 0) / size;
    const bar = "#".repeat(40 * share).padEnd(40);
    const words = `[${bar}] ${(100 * share).toFixed().padStart(3)}% of ${(size / 2 ** 20).toFixed(1)} MiB`;
    process.stderr.write(words + (process.stderr.isTTY && share < 1 ? "\r" : "\n"));
  }

  /** Safe to repeat: what is complete already is told to be. */
  async complete(overwrite) {
    const parts = this.numbers.map((part_number) => {
      const { etag } = this.there.get(part_number);
      return { part_number, etag, checksum: this.#base64(part_number) };
    });
    const { content_length } = this.plan;
    const body = { content_length, parts, checksum_algorithm: "SHA256", overwrite };
    await this.service.post(`${this.url}/complete`, body);
  }

  /** The object's. Its SHA-256 is that of its parts' digests, with their number. */
  async faults() {
    const whole = createHash("sha256");
    for (const number of this.numbers)
      whole.update(this.digests.get(number) ?? (await this.#digest(number)));
    const sha256 = `${whole.digest("base64")}-${this.numbers.length}`;
    return this.service.faults(this.plan.content_length, sha256);
  }
}

/** How a later run finds the upload: its id with the plan, for as long as the plan is the same. */
class Notes {
  constructor(path, plan) {
    this.path = `${path}.presign-upload.json`;
    this.plan = plan;
  }

  /** Null as well if they are another plan's, or no notes at all. */
  async read() {
    let noted;
    try {
      noted = JSON.parse(await readFile(this.path, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT" || error instanceof SyntaxError) return null;
      throw error;
    }
    const isWhole = typeof noted?.upload_id === "string" && Number.isInteger(noted.part_size);
    if (!isWhole || noted.part_size <= 0) return null;
    return Object.keys(this.plan).every((name) => noted[name] === this.plan[name]) ? noted : null;
  }

  async write(upload_id, part_size) {
    const noted = { ...this.plan, upload_id, part_size };
    await writeFile(`${this.path}.new`, JSON.stringify(noted)); // a kill leaves all of it or nothing
    await rename(`${this.path}.new`, this.path);
    return noted;
  }

  forget() {
    return rm(this.path, { force: true });
  }
}

async function sendParts(options, service, notes) {
  const before = await stat(options.file);
  const noted = await notes.read();
  let upload = noted && new Upload(service, options.file, noted);
  if (upload && !(await upload.resume())) {
    const faults = await upload.faults(); // a run may have completed it, and been killed then
    if (!faults.length) return faults;
    upload = null;
  }
  upload ??= new Upload(service, options.file, await create(options, service, notes));
  await upload.send(options.parallel);
  if ((await stat(options.file)).mtimeMs !== before.mtimeMs)
    throw new Failed("the file was changed meanwhile: run this again");
  await upload.complete(options.overwrite);
  return upload.faults();
}

async function create({ overwrite }, service, notes) {
  // The completion would say it too, but after all the bytes.
  if (!overwrite && (await service.post("object-checks", {})).found) throw new Failed(EXISTS);
  const body = { ...notes.plan, checksum_algorithm: "SHA256", overwrite };
  const created = await service.post("multipart-uploads", body, 1); // twice would make two
  return notes.write(created.upload_id, created.part_size);
}

/** A file of 0 bytes: an upload in parts has one at least. */
async function sendNothing({ overwrite }, service) {
  const sha256 = createHash("sha256").digest("base64");
  const checksum = { algorithm: "SHA256", value: sha256 };
  const signed = await service.post("upload-urls", { content_length: 0, checksum, overwrite });
  const answer = await service.send(signed, "");
  if (answer.status === 412) throw new Failed(EXISTS);
  if (!answer.ok) throw new Failed(`the store refused: HTTP ${answer.status}`);
  return service.faults(0, sha256);
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
  const notes = new Notes(file, plan);
  const service = new Service(options.service, token, { bucket, key });
  const way = plan.content_length ? sendParts : sendNothing;
  const faults = await way(options, service, notes);
  if (faults.length) throw new Failed(`what the store has is not the file: ${faults.join(", ")}`);
  await notes.forget();
  console.log(`${bucket}/${key} has arrived`);
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exit(1); // others may still be sending
}
