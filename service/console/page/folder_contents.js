// What is in the folders that somebody selected: all files below them, up to a number that is said.

import { counted } from "./words.js";

export const MOST_FILES = 10_000;

/**
 * The files of entries as the list has them, `{key, size, etag, lastModified}`: those that are files, and all below
 * those that are folders, with the empty object that some programs keep for a folder. None is there twice.
 *
 * @throws Error if there are more than `most`, or what the client throws
 */
export async function filesOf(client, bucket, entries, { signal, most = MOST_FILES } = {}) {
  const files = new Map(); // by key: a folder may be selected together with what is in it
  const add = (file) => {
    if (files.has(file.key)) return;
    if (files.size === most) throw new Error(`These are more than ${counted(most, "file")}. Select fewer.`);
    files.set(file.key, file);
  };
  for (const entry of entries) {
    if (!entry.isFolder) add(entry);
    else for await (const file of client.list({ bucket, prefix: entry.key, recursive: true, signal })) add(file);
  }
  return [...files.values()];
}

/** The keys directly in a folder, or below it: up to `most` of them, of which a page asks no more. */
export async function keysIn(client, { bucket, folder, recursive = false, signal, most = MOST_FILES }) {
  const keys = new Set();
  for await (const { key } of client.list({ bucket, prefix: folder, recursive, signal })) {
    if (keys.size === most) break;
    keys.add(key);
  }
  return keys;
}

/** What an object is now, as the list has it, or undefined. */
export async function find(client, { bucket, key, signal }) {
  for await (const found of client.list({ bucket, prefix: key, recursive: true, signal }))
    return found.key === key ? found : undefined; // the key itself comes before those that begin with it
  return undefined;
}
