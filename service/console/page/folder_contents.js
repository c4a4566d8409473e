// What is in the folders that somebody selected: all files below them, up to a number that is said.

import { requireSession } from "./sessions.js";
import { counted } from "./words.js";

export const MOST_FILES = 10_000;

/**
 * The files of entries as the list has them, `{key, size, etag, lastModified}`: those that are files, and all below
 * those that are folders, with the empty object that some programs keep for a folder. None is there twice.
 *
 * @throws Error if there are more than `most`, or if the sign-in ends
 */
export async function filesOf(service, bucket, entries, { signal, most = MOST_FILES } = {}) {
  const files = new Map(); // by key: a folder may be selected together with what is in it
  const add = (file) => {
    if (files.has(file.key)) return;
    if (files.size === most) throw new Error(`These are more than ${counted(most, "file")}. Select fewer.`);
    files.set(file.key, file);
  };
  for (const entry of entries) {
    if (!entry.isFolder) add(entry);
    else for await (const file of list(service, { bucket, prefix: entry.key, recursive: true, signal })) add(file);
  }
  return [...files.values()];
}

/** The keys directly in a folder, or below it: up to `most` of them, of which a page asks no more. */
export async function keysIn(service, { bucket, folder, recursive = false, signal, most = MOST_FILES }) {
  const keys = new Set();
  for await (const { key } of list(service, { bucket, prefix: folder, recursive, signal })) {
    if (keys.size === most) break;
    keys.add(key);
  }
  return keys;
}

/** What an object is now, as the list has it, or undefined. */
export async function find(service, { bucket, key, signal }) {
  for await (const found of list(service, { bucket, prefix: key, recursive: true, signal }))
    return found.key === key ? found : undefined; // the key itself comes before those that begin with it
  return undefined;
}

/** What the client lists. It fails once the sign-in has ended: the next person does nothing with it. */
async function* list(service, options) {
  const { session } = service;
  for await (const each of service.list(options)) {
    requireSession(service, session);
    yield each;
  }
  requireSession(service, session);
}
