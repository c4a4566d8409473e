// The order of a file list, and what of it is shown. Pure.

export const PAGE_ROWS = 100;

const NAMES = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** A row of the list. `key` ends in a slash if it is a folder. */
export function entryOf(folder, { key, size, etag, lastModified, isDeleted = false }) {
  const isFolder = key.endsWith("/");
  const name = key.slice(folder.length, isFolder ? -1 : undefined);
  return { key, name, isFolder, size, etag, lastModified, isDeleted };
}

/** Adds what the client lists of a folder to its entries, by key: objects, or versions, the newest of a key first. */
export function recordEntry(entries, folder, listed) {
  const { key, isLatest = true, isDeleteMarker: isDeleted, size } = listed;
  if (isLatest) entries.set(key, entryOf(folder, { ...listed, isDeleted }));
  // A deleted file has the size that it would have again.
  else if (entries.get(key)?.isDeleted) entries.get(key).size ??= size;
}

/** Whether a deleted file can come back: it has none of its versions any more if no size of one is known. */
export const isRestorable = ({ isDeleted, size }) => isDeleted && size !== undefined;

/** Entries whose name contains the words of `filter`, folders first, by `column` and then by name. */
export function arranged(entries, { filter, column, isDescending }) {
  const words = folded(filter).split(/\s+/).filter(Boolean);
  const kept = entries.filter(({ name }) => words.every((word) => folded(name).includes(word)));
  const sign = isDescending ? -1 : 1;
  return kept.sort(
    (one, other) =>
      other.isFolder - one.isFolder ||
      sign * compare(one, other, column) ||
      NAMES.compare(one.name, other.name),
  );
}

function compare(one, other, column) {
  if (column === "name") return NAMES.compare(one.name, other.name);
  return Number(one[column] ?? 0) - Number(other[column] ?? 0);
}

/** Without case and accents, as people type. */
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
