// What is below the list of files: how many there are, and the ways to further ones.

import { byId } from "./elements.js";
import { PAGE_ROWS } from "./file_list.js";
import { bytes, counted } from "./words.js";

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
