// An upload, in one request or in parts.

import { digestOf, usableAlgorithm } from "./checksums.js";
import { Job } from "./job.js";
import { MultipartUpload } from "./multipart_upload.js";
import { bytesOf, wholeOf } from "./source.js";
import { send } from "./store.js";

const SINGLE_PUT = 5 * 2 ** 30; // S3 takes no more in one request

export async function upload(presign, source, options) {
  const job = new Job(presign, source, options);
  if (job.operation === "upload") return uploadWhole(job);
  try {
    return await uploadInParts(job);
  } catch (error) {
    // A grant for `upload` need not allow `multipart`.
    const mayBeWhole = !options.operation && source instanceof Blob && job.size <= SINGLE_PUT;
    if (error.code !== "forbidden" || !mayBeWhole) throw error;
    job.checksum = usableAlgorithm(job.checksum, job.size);
    return uploadWhole(job);
  }
}

/** Aborts the upload that an earlier call began and left to be resumed, if there is one. */
export async function abortUpload(presign, options) {
  const job = new Job(presign, new Blob(), options);
  const note = await job.note.read();
  if (!note) return;
  await new MultipartUpload(job, note).abort();
  await job.note.forget();
}

async function uploadWhole(job) {
  const { target, size, contentType, metadata, overwrite, presign, signal, onWait } = job;
  const blob = await wholeOf(job.source, size);
  const checksum = { algorithm: job.checksum, value: await digestOf(blob, job.checksum) };
  const what = { content_length: size, checksum };
  const body = { ...target, ...what, content_type: contentType, metadata, overwrite };
  const onProgress = (sent) => job.report(1, sent);
  const done = { ...target, size, checksum };
  try {
    const attempt = async () => {
      const signed = await job.call("POST", "v1/upload-urls", { body });
      return send(signed, blob, { signal, onProgress, now: presign.retries.now });
    };
    return { ...done, ...(await presign.retries.run(attempt, { signal, onWait })) };
  } catch (error) {
    // The answer to an earlier attempt may have been lost.
    if (error.code !== "object_exists" || error.attempts === 1) throw error;
    const found = await job.check(what);
    if (!found?.found || found.mismatches.length) throw error;
    return { ...done, etag: found.etag };
  }
}

async function uploadInParts(job) {
  const { note } = job;
  const begun = await resumed(job);
  if (begun?.done) {
    await note.forget();
    return begun.done;
  }
  const upload = begun ?? (await MultipartUpload.create(job));
  try {
    await upload.send();
    if (job.source instanceof Blob) await bytesOf(job.source.slice(0, 1)); // fails if the file has changed
    job.reportCompleting();
    const done = await upload.complete();
    await note.forget();
    return done;
  } catch (error) {
    if (!note.isKept) await upload.abort().catch(() => {});
    throw error;
  }
}

/** Returns the upload of the note, or `{done}` if it is completed already, or null. */
async function resumed(job) {
  const note = await job.note.read();
  if (!note) return null;
  const upload = new MultipartUpload(job, note);
  const { size, partSize, checksum } = note;
  if (size !== job.size || partSize !== job.partSize || checksum !== job.checksum) {
    await upload.abort().catch(() => {}); // of a file that was another one then
    return null;
  }
  if (await upload.list()) return upload;
  // A call may have completed it, and have been interrupted before it could forget the note.
  const done = await upload.stored();
  return done ? { done } : null;
}
