// What is below the list of files: how many there are, and the ways to further ones; or that there are none.

import { NOWHERE, nameOf } from "./access.js";
import { addressOf } from "./addresses.js";
import { byId } from "./elements.js";
import { emptyWords } from "./empty_folder.js";
import { PAGE_ROWS } from "./file_list.js";
import { bytes, counted, displayName } from "./words.js";

/**
 * Shows the foot of a list, of which `entries` match and the row `first` is the first one that is shown. `known` is
 * how many were read, if there are more at the store; else null. `isReading`: they are on their way.
 */
export function showFoot({ entries, first, rows, isReading, known }) {
  const files = entries.filter(({ isFolder, isDeleted }) => !isFolder && !isDeleted);
  const size = files.reduce((all, entry) => all + (entry.size ?? 0), 0);
  const range = entries.length > PAGE_ROWS ? `${first + 1}–${first + rows.length} of ` : "";
  const more = isReading ? " so far" : known === null ? "" : `, of the first ${counted(known, "item")}`;
  const what = `${range}${counted(entries.length, "item")}${size ? `, ${bytes(size)}` : ""}`;
  const isKnown = entries.length > 0 || (known !== null && !isReading);
  byId("listed").textContent = isKnown ? `${what}${more}` : isReading ? "Loading…" : "";
  byId("load-more").hidden = isReading || known === null;
  byId("pages").hidden = entries.length <= PAGE_ROWS;
  byId("previous").disabled = first === 0;
  byId("next").disabled = first + PAGE_ROWS >= entries.length;
}

/** Says why a place shows no files, if it `isEmpty`, as `emptyWords` does. */
export function showEmpty(isEmpty, place, known) {
  byId("empty").hidden = !isEmpty;
  if (!isEmpty) return;
  const { title, hint, up } = emptyWords(place, known);
  byId("empty-title").textContent = title;
  byId("empty-hint").textContent = hint;
  byId("way-up").hidden = up === null;
  const to = up ?? NOWHERE; // nothing is left of the person before
  byId("way-up").href = addressOf(to);
  byId("way-up").textContent = to.bucket === null ? "Go to all files" : `Go up to ${displayName(nameOf(to))}`;
}
