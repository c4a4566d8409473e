// What a folder says that shows no files, and where its way up leads. Pure.

import { bucketsOf, foldersOf, may, namedBelow } from "./access.js";
import { displayName } from "./words.js";

const SENDING = "Drop files or folders anywhere on this page, or choose Upload.";

/**
 * `{ title, hint, up }`, where `up` is a place or null. `isFiltered` is set if there are files that are not shown, and
 * `isFound` if the store has something there, or the person has just made the folder.
 */
export function emptyWords(place, { isFiltered, isFound }) {
  const { grants, bucket, folder } = place;
  if (isFiltered) return { title: "Nothing matches the filter", hint: "Try fewer letters.", up: null };
  if (bucket === null)
    return { title: "You have no access to files yet", hint: "Ask the person who runs this service.", up: null };
  const up = foldersOf(grants, bucket).includes(folder) ? null : placeAbove(place);
  if (!bucketsOf(grants).includes(bucket)) return { title: `“${displayName(bucket)}” does not exist, or you have no access`, hint: "", up };
  const sends = ["upload", "multipart"].some((way) => may(grants, way, bucket, `${folder}x`));
  const hint = sends ? SENDING : "";
  if (!may(grants, "list", bucket, folder)) return { title: "You cannot see the files in this folder", hint, up };
  if (isFound || up === null) return { title: "This folder is empty", hint, up: null };
  return { title: "There is no such folder, or it is empty", hint: "Somebody may have moved or deleted it.", up };
}

/** The closest place above that shows something. */
function placeAbove({ grants, bucket, folder }) {
  let above = folder;
  while (above !== "") {
    above = above.slice(0, above.lastIndexOf("/", above.length - 2) + 1);
    const shows = may(grants, "list", bucket, above) || namedBelow(grants, bucket, above).length > 0;
    if (shows) return { bucket, folder: above };
  }
  return { bucket: null, folder: "" };
}
