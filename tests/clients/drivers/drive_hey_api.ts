// What a client made by hey-api's openapi-ts does: `… SOURCE TARGET KEY`.
//
// SOURCE goes up as KEY and comes down again as TARGET; then a batch, a form, an upload in parts, and two
// refusals. What the service answered is printed as JSON.
import { openAsBlob } from "node:fs";
import { writeFile } from "node:fs/promises";
import { client } from "./client/client.gen.js";
import {
  completeMultipartUpload,
  createDownloadUrl,
  createDownloadUrlBatch,
  createMultipartUpload,
  createUploadForm,
  createUploadUrl,
  listParts,
  type PresignedPart,
  type PresignedRequest,
  type Problem,
} from "./client/index.js";

const BUCKET = "objects";
const PART_SIZE = 5 * 1024 * 1024;

client.setConfig({ baseUrl: process.env.PRESIGN_URL!, auth: process.env.PRESIGN_TOKEN! });

// A Blob has a length, where a stream would be sent chunked.
async function send(signed: PresignedRequest | PresignedPart, body?: Blob): Promise<Blob> {
  const { method, url, headers } = signed;
  const answer = await fetch(url, { method, headers, body });
  if (!answer.ok) throw new Error(`the store answered with ${answer.status}`);
  return answer.blob();
}

async function upload(key: string, body: Blob): Promise<void> {
  const { data } = await createUploadUrl({
    throwOnError: true,
    body: {
      bucket: BUCKET,
      key,
      content_length: body.size,
      content_type: "text/plain",
      metadata: { author: "ann" },
    },
  });
  await send(data, body);
}

async function download(key: string): Promise<Blob> {
  const { data } = await createDownloadUrl({ throwOnError: true, body: { bucket: BUCKET, key } });
  return send(data);
}

async function batch(...keys: string[]) {
  const items = keys.map((key) => ({ bucket: BUCKET, key }));
  const { data } = await createDownloadUrlBatch({ throwOnError: true, body: { items } });
  return {
    failed: data.failed,
    methods: data.results.flatMap(({ request }) => request?.method ?? []),
    codes: data.results.flatMap(({ problem }) => problem?.code ?? []),
  };
}

async function uploadByForm(body: Blob): Promise<string> {
  const ask = { bucket: BUCKET, key_prefix: "inbox/", filename: "ü.txt", max_content_length: body.size };
  const { data: signed } = await createUploadForm({ throwOnError: true, body: ask });
  const form = new FormData();
  for (const [name, value] of Object.entries(signed.fields)) form.append(name, value);
  form.append("file", body); // the file comes last
  const answer = await fetch(signed.url, { method: "POST", body: form });
  if (!answer.ok) throw new Error(`the store answered with ${answer.status}`);
  return signed.key;
}

async function uploadInParts(key: string, body: Blob) {
  const place = { bucket: BUCKET, key };
  const plan = { ...place, content_length: body.size, part_size: PART_SIZE };
  const { data: begun } = await createMultipartUpload({ throwOnError: true, body: plan });
  for (const part of begun.parts) {
    const start = (part.part_number - 1) * begun.part_size;
    await send(part, body.slice(start, start + part.content_length));
  }
  const path = { upload_id: begun.upload_id };
  const { data: there } = await listParts({ throwOnError: true, path, query: place });
  const parts = there.parts.map(({ part_number, etag }) => ({ part_number, etag }));
  const { data: made } = await completeMultipartUpload({
    throwOnError: true,
    path,
    body: { ...place, content_length: body.size, parts },
  });
  return { parts: parts.length, content_length: made.content_length };
}

async function refusal(bucket: string, key: string) {
  const { data, error } = await createDownloadUrl({ body: { bucket, key } });
  if (data !== undefined) throw new Error("this was to be refused");
  const { status, code, detail, errors = [] }: Problem = error;
  return { status, code, detail, pointers: errors.map(({ pointer }) => pointer), shown: `${code}: ${detail}` };
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
