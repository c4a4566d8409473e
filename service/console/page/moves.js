// Moves and renames: a copy inside the store, then a deletion of what was copied. What fails leaves the original. Pure,
// except for the calls of the service that it is given.

import { invalidKey, may, mayCopyOver } from "./access.js";
import { Unanswered } from "./batch.js";
import { CHANGED, CHANGED_OR_TAKEN } from "./batch_words.js";
import { KEEP_BOTH, REPLACE, SKIP, freeName } from "./conflicts.js";
import { find } from "./folder_contents.js";
import { bytes } from "./words.js";

const MOST_COPIED = 5 * 2 ** 30; // bytes; S3 copies no more in one request
const MOST_NAMES = 50; // tried, each with one copy, where the list of the names that are taken is not complete

/** Whether an object may be moved away: it is read for the copy, and then deleted. */
export const mayLeave = (grants, bucket, key) => may(grants, "download", bucket, key) && may(grants, "delete", bucket, key);

/** @throws Error whose message is a sentence for people */
export function refuseTooLarge({ size }) {
  if (size > MOST_COPIED)
    throw new Error(`It has ${bytes(size)}. The storage copies up to ${bytes(MOST_COPIED)}: download and upload it.`);
}

/** Why entries cannot be moved to `{bucket, folder}`, or null. */
export function whyNot(entries, from, { bucket, folder }) {
  if (entries.some(({ isFolder, key }) => isFolder && bucket === from.bucket && folder.startsWith(key)))
    return "A folder cannot be moved into itself.";
  // A search finds files of other folders.
  const there = bucket === from.bucket ? entries.filter(({ key }) => folderOf(key) === folder) : [];
  if (there.length) return `${there.length < entries.length ? "Some of them" : "They"} are in this folder already.`;
  return null;
}

/** The folder that a file or a folder is in. */
export const folderOf = (key) => key.slice(0, key.lastIndexOf("/", key.length - 2) + 1);

/** Why an entry cannot be called `name` in its folder, or null. */
export function wrongName(folder, name) {
  if (!name) return "Enter a name.";
  if (name.includes("/")) return "A name has no slash. To move it, use Move.";
  return invalidKey(folder + name);
}

/**
 * A move for each of `files`, which are below the keys of `roots`: a map from the key of a selected entry to the key
 * that it gets, both with a slash if it is a folder. No two of them get the same key.
 */
export function movesOf(files, roots, { bucket, targetBucket = bucket }) {
  const folders = [...roots].filter(([root]) => root.endsWith("/"));
  const used = new Set();
  const numbers = new Map();
  return files.map(({ key, size, etag }) => {
    const [from, to] = roots.has(key) ? [key, roots.get(key)] : folders.find(([root]) => key.startsWith(root));
    const wanted = to + key.slice(from.length);
    const targetKey = used.has(wanted) ? nextFree(wanted, (other) => used.has(other), numbers) : wanted;
    used.add(targetKey);
    return { bucket, key, size, etag, targetBucket, targetKey, isCopied: false };
  });
}

/** The moves whose target is among `taken`. */
export const conflictsOf = (moves, taken) => moves.filter(({ targetKey }) => taken.has(targetKey));

/**
 * Does one move, or what is left of it: `isCopied` is set once only the deletion is left, and `copied`
 * is the ETag of the copy, if the store said it. Resolves with whether it was
 * moved, or skipped. `answer.for([key])` says what to do if the name is taken. `taken` are keys that are, and `own`
 * those that the moves of this batch get.
 *
 * @throws Error whose message is a sentence for people, Unanswered, or what the client throws
 */
export async function move(client, grants, item, { taken, own, answer }) {
  if (item.isCopied) item.isCopied = await isStillCopied(client, grants, item);
  if (!item.isCopied) {
    refuseTooLarge(item);
    item.etag ??= (await find(client, item))?.etag; // it was uploaded since the list was read
    if (!item.etag) throw new Error("It is no longer there.");
    if (!(await copyToFreeName(client, grants, item, { taken, own, answer }))) return false;
    item.isCopied = true;
  }
  await removeCopied(client, item);
  return true;
}

/** Whether the copy of an earlier try is still there. Somebody may have removed it, or stored another file there. */
async function isStillCopied(client, grants, { targetBucket: bucket, targetKey: key, size, copied }) {
  if (!may(grants, "list", bucket, key)) return true; // nothing can be seen there
  const found = await find(client, { bucket, key });
  const isOther = found && (found.size !== size || (copied && found.etag !== copied));
  if (isOther) throw new Error("Its copy was replaced by another file. Both are kept: move it again.");
  return found !== undefined;
}

async function copyToFreeName(client, grants, item, { taken, own, answer }) {
  for (let number = 1; number <= MOST_NAMES; number += 1) {
    if (!taken.has(item.targetKey) || item.isReplaced) {
      const error = await copy(client, grants, item);
      if (!error) return true;
      taken.add(item.targetKey);
    }
    const choice = await answer.for([item.targetKey]);
    if (choice === null) throw new Unanswered("A question was closed.");
    if (choice === REPLACE && mayCopyOver(grants, item.targetBucket, item.targetKey)) item.isReplaced = true;
    else if (choice === KEEP_BOTH) item.targetKey = reserved(item.targetKey, taken, own);
    else if (choice === SKIP) return false;
    else throw new Error("There is a file with this name, and you may not replace it.");
  }
  throw new Error("No name is free.");
}

const nameIn = (key) => key.slice(key.lastIndexOf("/") + 1);

function reserved(key, taken, own) {
  const free = nextFree(key, (other) => taken.has(other) || own.has(other));
  own.add(free);
  return free;
}

function nextFree(key, isTaken, numbers) {
  const folder = key.slice(0, key.lastIndexOf("/") + 1);
  return folder + freeName(nameIn(key), (name) => isTaken(folder + name), numbers, key);
}

/** Resolves with the error if the target's name is taken, and with null if the copy exists. */
async function copy(client, grants, item, isReplaced = item.isReplaced) {
  try {
    item.copied = (await client.copy({ ...item, overwrite: isReplaced || undefined })).etag;
    return null;
  } catch (error) {
    if (error.code === "create_only_unsupported") return copyUnconditionally(client, grants, item);
    if (error.code === "source_changed") throw new Error(CHANGED);
    if (error.code === "precondition_failed") throw new Error(CHANGED_OR_TAKEN);
    if (error.code !== "object_exists") throw error;
    // The answer to the first request may have been lost: then this is the copy.
    const found = error.attempts > 1 && (await find(client, { bucket: item.targetBucket, key: item.targetKey }));
    if (found?.etag !== item.etag) return error;
    item.copied = found.etag;
    return null;
  }
}

/** Where the store has no condition, the page looks first. A file that comes in between is replaced. */
async function copyUnconditionally(client, grants, item) {
  if (!mayCopyOver(grants, item.targetBucket, item.targetKey))
    throw new Error("This storage cannot move files without replacing others, and you may not replace files there.");
  const place = { bucket: item.targetBucket, key: item.targetKey };
  const isSeen = may(grants, "list", place.bucket, place.key);
  if (!isSeen) throw new Error("You cannot see whether the name is taken there, so it was not moved.");
  if (await find(client, place)) return new Error("The name is taken.");
  return copy(client, grants, item, true);
}

async function removeCopied(client, { bucket, key, etag }) {
  try {
    await client.delete({ bucket, key, etag });
  } catch (error) {
    if (error.code === "not_found" && error.store) return; // a lost answer's request has deleted it
    if (error.code === "source_changed")
      throw new Error("It was changed while it was moved. The new file is here, and the old one there.");
    throw error;
  }
}
