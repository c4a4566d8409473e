// What is said about batches of files. Pure.

import { bytes, counted } from "./words.js";

/** Why a file was not moved or deleted: the store compared it with the list. */
export const CHANGED = "It was changed since the list was read, and stays as it is. Open the folder again.";

/** Why a file was not moved, where the storage does not say which of both it was. */
export const CHANGED_OR_TAKEN =
  "It was changed since the list was read, or its new name is taken: the storage does not say which. Open the folder again.";

const files = (count) => counted(count, "file");

/** Of `doing`, as in `Moving`, and `done`, as in `moved`. `skipped()` files of those that are done were left alone. */
export function batchWords(doing, done, { nameOf, skipped = () => 0 }) {
  const left = (batch) => {
    const other = skipped() ? `, ${skipped()} skipped` : "";
    return `${batch.done - skipped()} of ${files(batch.total)} ${done}${other}.`;
  };
  return {
    title: doing,
    nameOf,
    running: (batch) => `${doing}: ${batch.done + batch.failures.length} of ${files(batch.total)}`,
    left,
    failed: left,
    done: (batch) => (skipped() ? left(batch) : `${files(batch.total)} ${done}.`),
  };
}

/** Of a ZIP, of which `sent()` of `size` bytes are written. */
export const zipWords = ({ name, size, sent }) => ({
  ...batchWords("Making the ZIP", "in the ZIP", { nameOf: (file) => file.name }),
  running: (batch) => `${name}: ${batch.done} of ${files(batch.total)}, ${bytes(sent())} of ${bytes(size)}`,
  failed: () => "The ZIP was not saved.",
  left: (batch) => zipLeft(name, batch),
  done: ({ total }) => `${name}: ${files(total)} saved.`,
});

function zipLeft(name, { state, done, total, failures }) {
  if (state === "cancelled") return "Cancelled. The ZIP was not saved.";
  if (state === "paused") return `${name}: ${done} of ${files(total)}.`;
  return `${name} is saved without ${files(failures.length)}. It lists what is missing.`;
}

/** `3 selected (1 folder not counted), 12 MB`: the size of a folder is not known. */
export function selectedInWords(entries) {
  const size = entries.reduce((all, entry) => all + (entry.size ?? 0), 0);
  const folders = entries.filter(({ isFolder }) => isFolder).length;
  const known = folders < entries.length ? `, ${bytes(size)}` : "";
  const left = known && folders ? ` (${counted(folders, "folder")} not counted)` : "";
  return `${entries.length.toLocaleString("en")} selected${left}${known}`;
}

/** `report.pdf`, `3 files`, `3 files and 1 folder`. */
export function entriesInWords(entries) {
  const folders = entries.filter(({ isFolder }) => isFolder).length;
  const said = [[entries.length - folders, "file"], [folders, "folder"]].filter(([count]) => count);
  return said.map(([count, noun]) => counted(count, noun)).join(" and ");
}
