// What is uploaded: a Blob, or a stream whose length is known.

import { PresignError, SOURCE_CHANGED } from "./errors.js";

const CHUNK = 2 ** 20; // bytes in memory at a time

const unreadable = () =>
  new PresignError(SOURCE_CHANGED, "The file can no longer be read: it was changed, moved or removed.");

/** The bytes of a Blob that fits into memory. */
export async function bytesOf(blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    throw unreadable();
  }
}

/** Yields the bytes of a Blob, in chunks. */
export async function* chunksOf(blob) {
  for (let start = 0; start < blob.size; start += CHUNK)
    yield await bytesOf(blob.slice(start, start + CHUNK));
}

/** Returns the source as one Blob. */
export async function wholeOf(source, size) {
  if (source instanceof Blob) return source;
  const blobs = [];
  for await (const { blob } of partsOf(source, size, size)) blobs.push(blob);
  return new Blob(blobs);
}

/** Yields `{number, blob}` for each part of a source. */
export async function* partsOf(source, size, partSize) {
  if (!(source instanceof Blob)) return yield* partsOfStream(source, size, partSize);
  for (let start = 0; start < size; start += partSize)
    yield { number: start / partSize + 1, blob: source.slice(start, Math.min(start + partSize, size)) };
}

/** Each part is read into memory. */
async function* partsOfStream(stream, size, partSize) {
  let [number, read, kept, bytes] = [1, 0, [], 0];
  for await (const chunk of chunksOfStream(stream)) {
    read += chunk.byteLength;
    if (read > size) break;
    for (let rest = chunk; rest.byteLength; ) {
      const taken = rest.subarray(0, partSize - bytes);
      kept.push(taken);
      bytes += taken.byteLength;
      rest = rest.subarray(taken.byteLength);
      if (bytes < partSize) continue;
      yield { number, blob: new Blob(kept) };
      [number, kept, bytes] = [number + 1, [], 0];
    }
  }
  if (read !== size)
    throw new PresignError(SOURCE_CHANGED, `The stream does not have the ${size} bytes that were announced.`);
  if (bytes) yield { number, blob: new Blob(kept) };
}

/** Not every browser can iterate over a stream. */
async function* chunksOfStream(stream) {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}
