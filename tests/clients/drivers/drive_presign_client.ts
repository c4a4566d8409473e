// A program that uses the client for JavaScript, as TypeScript checks it. It is compiled, and not run.

import { Presign, PresignError, send as sendSigned, upload } from "presign-client";
import type { Entry, Progress, Uploaded, Version } from "presign-client";
import * as implementation from "../../../client/js/src/presign.js";

// The declarations are true of the implementation.
const declared: typeof import("presign-client") = implementation;

async function send(file: File, resume: Storage): Promise<string> {
  const presign = new Presign({ url: "/presign", token: async () => "token", retries: { tries: 2 } });
  const onProgress = ({ sent, total, stage }: Progress) => console.log(sent / total, stage);
  const target = { bucket: "reports", key: file.name };
  try {
    const done: Uploaded = await presign.upload(file, { ...target, resume, onProgress, checksum: "SHA1" });
    return done.checksum?.value ?? "";
  } catch (error) {
    if (!(error instanceof PresignError)) throw error;
    return [error.code, ...error.errors.map(({ pointer }) => pointer)].join();
  }
}

async function others(stream: ReadableStream<Uint8Array>): Promise<Entry[]> {
  const presign = new declared.Presign({ url: new URL("https://presign.example.com"), headers: { "x-team": "a" } });
  await upload(stream, { url: presign.url, fetch, bucket: "reports", key: "a", size: 5 });
  const signed = await presign.downloadUrl({ bucket: "reports", key: "a", expiresIn: 60 });
  const { etag, versionId } = await sendSigned(signed, new Blob(), {
    onProgress: ({ sent, total }: Progress) => console.log(sent / total),
  });
  console.log(etag, versionId);
  const link = await presign.link({ bucket: "reports", prefix: "in/", upload: true });
  await presign.revokeLink(link.id);
  await presign.delete({ bucket: "reports", key: "a" });
  console.log(signed.expiresAt.getTime() - link.expiresAt.getTime());
  const found: Entry[] = [];
  for await (const entry of presign.list({ bucket: "reports" })) found.push(entry);
  return found;
}

async function removeVersions(presign: Presign, key: string): Promise<number> {
  let bytes = 0;
  for await (const version of presign.versions({ bucket: "reports", prefix: key, recursive: true })) {
    const { versionId, isLatest, isDeleteMarker, size }: Version = version;
    bytes += size ?? 0;
    if (!isLatest && !isDeleteMarker) await presign.delete({ bucket: "reports", key, versionId });
  }
  return bytes;
}

// @ts-expect-error: a bucket and a key are needed
upload(new Blob(), { url: "/" });
// @ts-expect-error: no such checksum
upload(new Blob(), { url: "/", bucket: "reports", key: "a", checksum: "MD5" });

export { others, removeVersions, send };
