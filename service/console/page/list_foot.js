// What is below the list of files: how many there are, and the ways to further ones.

import { byId } from "./elements.js";
import { PAGE_ROWS } from "./file_list.js";
import { bytes, counted } from "./words.js";

/**
 * Shows the foot of a list, of which `entries` match and the row `first` is the first one that is shown. `known` is
 * how many were read, if there are more at the store.
 */
export function showFoot({ entries, first, rows, isReading, known }) {
  const files = entries.filter(({ isFolder, isDeleted }) => !isFolder && !isDeleted);
  const size = files.reduce((all, entry) => all + (entry.size ?? 0), 0);
  const range = entries.length > PAGE_ROWS ? `${first + 1}–${first + rows.length} of ` : "";
  const more = isReading ? " so far" : known === null ? "" : `, of the first ${counted(known, "item")}`;
  const what = `${range}${counted(entries.length, "item")}${size ? `, ${bytes(size)}` : ""}`;
  byId("listed").textContent = entries.length || (known !== null && !isReading) ? `${what}${more}` : "";
  byId("pages").hidden = entries.length <= PAGE_ROWS;
  byId("previous").disabled = first === 0;
  byId("next").disabled = first + PAGE_ROWS >= entries.length;
}
