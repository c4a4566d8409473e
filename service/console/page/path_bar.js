// The path to the open folder: a link for each folder above it, and the folder's name as heading and title.

import { addressOf } from "./addresses.js";
import { byId, element, inOneLine } from "./elements.js";
import { showTitle } from "./page_title.js";
import { displayName } from "./words.js";

/** `onAgain` is called for the link of the open folder itself. */
export function showPath({ bucket, folder }, onAgain) {
  const places = [{ name: "All files", bucket: null, folder: "" }];
  if (bucket !== null) places.push({ name: bucket, bucket, folder: "" });
  let above = "";
  for (const name of folder.split("/").slice(0, -1)) {
    above += `${name}/`;
    places.push({ name, bucket, folder: above });
  }
  const links = places.map((place) => folderLink(place.name, place));
  links.at(-1).setAttribute("aria-current", "page");
  links.at(-1).addEventListener("click", onAgain);
  byId("path").replaceChildren(
    ...links.map((link) => {
      const made = element("li");
      made.append(link);
      return made;
    }),
  );
  const name = bucket === null ? "Your buckets" : places.at(-1).name || "/";
  byId("where").replaceChildren(inOneLine(name));
  showTitle(name);
}

/** A link to a folder. It opens in this page, or in another tab if the person wants that. */
export function folderLink(name, place) {
  const link = element("a", undefined, "folder-link");
  link.href = addressOf(place);
  link.append(inOneLine(name || "/"));
  link.ariaLabel = displayName(name || "/");
  return link;
}
