// Drives openapi-fetch with the types of openapi-typescript: `… SOURCE TARGET KEY`.
//
// Uploads SOURCE as KEY and downloads it to TARGET; then a batch, a form, a multipart upload, and two
// refusals. Prints the service's answers as JSON.
import { openAsBlob } from "node:fs";
import { writeFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];
type Problem = Schemas["Problem"];

const BUCKET = "objects";
const PART_SIZE = 5 * 1024 * 1024;

const service = createClient<paths>({
  baseUrl: process.env.PRESIGN_URL!,
  headers: { Authorization: `Bearer ${process.env.PRESIGN_TOKEN}` },
});

class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

// Problems are returned as `error`, not thrown.
function unwrap<Data>(answer: { data?: Data; error?: Problem }): Data {
  if (answer.error !== undefined) throw new Refused(answer.error);
  return answer.data!;
}

// A Blob has a known length; a stream would be sent in chunks.
async function send(signed: Schemas["PresignedRequest"] | Schemas["PresignedPart"], body?: Blob): Promise<Blob> {
  const { method, url, headers } = signed;
  const answer = await fetch(url, { method, headers, body });
  if (!answer.ok) throw new Error(`the store answered with ${answer.status}`);
  return answer.blob();
}

async function upload(key: string, body: Blob): Promise<void> {
  const request = {
    bucket: BUCKET,
    key,
    content_length: body.size,
    content_type: "text/plain",
    metadata: { author: "ann" },
  };
  await send(unwrap(await service.POST("/v1/upload-urls", { body: request })), body);
}

async function download(key: string): Promise<Blob> {
  const request = { bucket: BUCKET, key };
  return send(unwrap(await service.POST("/v1/download-urls", { body: request })));
}

async function batch(...keys: string[]) {
  const items = keys.map((key) => ({ bucket: BUCKET, key }));
  const answer = unwrap(await service.POST("/v1/download-urls/batch", { body: { items } }));
  return {
    failed: answer.failed,
    methods: answer.results.flatMap(({ request }) => request?.method ?? []),
    codes: answer.results.flatMap(({ problem }) => problem?.code ?? []),
  };
}

async function uploadByForm(body: Blob): Promise<string> {
  const request = { bucket: BUCKET, key_prefix: "inbox/", filename: "ü.txt", max_content_length: body.size };
  const signed = unwrap(await service.POST("/v1/upload-forms", { body: request }));
  const form = new FormData();
  for (const [name, value] of Object.entries(signed.fields)) form.append(name, value);
  form.append("file", body); // the file comes last
  const answer = await fetch(signed.url, { method: "POST", body: form });
  if (!answer.ok) throw new Error(`the store answered with ${answer.status}`);
  return signed.key;
}

async function uploadInParts(key: string, body: Blob) {
  const object = { bucket: BUCKET, key };
  const plan = { ...object, content_length: body.size, part_size: PART_SIZE };
  const created = unwrap(await service.POST("/v1/multipart-uploads", { body: plan }));
  for (const part of created.parts) {
    const start = (part.part_number - 1) * created.part_size;
    await send(part, body.slice(start, start + part.content_length));
  }
  const path = { upload_id: created.upload_id };
  const listed = unwrap(
    await service.GET("/v1/multipart-uploads/{upload_id}/parts", { params: { path, query: object } }),
  );
  const parts = listed.parts.map(({ part_number, etag }) => ({ part_number, etag }));
  const completed = unwrap(
    await service.POST("/v1/multipart-uploads/{upload_id}/complete", {
      params: { path },
      body: { ...object, content_length: body.size, parts },
    }),
  );
  return { parts: parts.length, content_length: completed.content_length };
}

async function refusal(bucket: string, key: string) {
  try {
    unwrap(await service.POST("/v1/download-urls", { body: { bucket, key } }));
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    const { status, code, detail, errors = [] } = refused.problem;
    return { status, code, detail, pointers: errors.map(({ pointer }) => pointer), shown: refused.message };
  }
  throw new Error("the request should have been refused");
}

const [source, target, key] = process.argv.slice(2) as [string, string, string];
const body = await openAsBlob(source);
await upload(key, body);
await writeFile(target, (await download(key)).stream());
const report = {
  batch: await batch(key, "../secret"),
  form: await uploadByForm(body),
  multipart: await uploadInParts(`${key}.parts`, body),
  forbidden: await refusal("nobodys", key),
  invalid: await refusal(BUCKET, "../secret"),
};
console.log(JSON.stringify(report));
