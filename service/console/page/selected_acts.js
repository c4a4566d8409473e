// What may be done with several entries of a list at once, by the caller's grants. Pure.

import { may, takesCopies } from "./access.js";
import { mayLeave } from "./moves.js";

/** A browser asks once whether a page may save several files. */
const MOST_EACH = 20;

/**
 * Whether anything may be done with an entry, so that it can be selected. A list that `isDeep` has all that is in
 * folders, too: the empty object of one would stand for more than its row.
 */
export const isSelectable = (entry, place) =>
  !(place.isDeep && entry.isFolder) && ACTS.some(({ isAllowed }) => isAllowed([entry], place));

/** The acts that the caller may do with all of the entries. */
export const offeredFor = (entries, place) =>
  entries.length ? ACTS.filter(({ isAllowed }) => isAllowed(entries, place)) : [];

/** Whether an act of one entry is done as with several: all of a folder, and what begins with a question. */
export const isOfMany = (act, { isFolder }) => isFolder || act === "rename" || act === "move";

/** An operation on a folder applies to each file below it, so it needs `list` there too. */
const every = (entries, { grants, bucket }, isAllowed) =>
  bucket !== null &&
  entries.every(
    ({ key, isFolder, isDeleted }) =>
      !isDeleted && isAllowed(grants, bucket, key) && (!isFolder || may(grants, "list", bucket, key)),
  );
const allowed =
  (operation) =>
  (entries, place) =>
    every(entries, place, (grants, bucket, key) => may(grants, operation, bucket, key));
const reads = allowed("download");
const hasFolder = (entries) => entries.some(({ isFolder }) => isFolder);

function canMove(entries, place) {
  const { grants } = place;
  return every(entries, place, mayLeave) && grants.some(({ bucket, prefix }) => takesCopies(grants, bucket, prefix));
}

/** In the order of the bar. `isAllowed(entries, place)` says whether the caller may do it with each of them. */
export const ACTS = [
  {
    act: "download",
    name: "Download",
    icon: "download",
    isAllowed: (entries, place) => entries.length <= MOST_EACH && !hasFolder(entries) && reads(entries, place),
  },
  { act: "zip", name: "Download as ZIP", icon: "archive", isAllowed: reads },
  {
    act: "rename",
    name: "Rename",
    icon: "rename",
    isAllowed: (entries, place) =>
      entries.length === 1 && canMove(entries, place) && takesCopies(place.grants, place.bucket, `${place.folder}x`),
  },
  { act: "move", name: "Move", icon: "move", isAllowed: canMove },
  { act: "delete", name: "Delete", icon: "delete", isAllowed: allowed("delete") },
];
