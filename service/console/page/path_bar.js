// The path to the open folder: a link for each folder above it.

import { byId, element, inOneLine } from "./elements.js";
import { displayName } from "./words.js";

/** `onOpen` is called with the place of the link that was followed. */
export function showPath({ bucket, folder }, onOpen) {
  const places = [{ name: "All files", bucket: null, folder: "" }];
  if (bucket !== null) places.push({ name: bucket, bucket, folder: "" });
  let above = "";
  for (const name of folder.split("/").slice(0, -1)) {
    above += `${name}/`;
    places.push({ name, bucket, folder: above });
  }
  const links = places.map((place) => folderLink(place.name, () => onOpen(place)));
  links.at(-1).setAttribute("aria-current", "page");
  byId("path").replaceChildren(
    ...links.map((link) => {
      const made = element("li");
      made.append(link);
      return made;
    }),
  );
  byId("where").replaceChildren(inOneLine(bucket === null ? "Your buckets" : places.at(-1).name || "/"));
}

/** A link that opens a folder in this page. Its address is that of the page, which names no folder. */
export function folderLink(name, onFollow) {
  const link = element("a", undefined, "folder-link");
  link.href = "console";
  link.append(inOneLine(name || "/"));
  link.ariaLabel = displayName(name || "/");
  link.addEventListener("click", (event) => {
    event.preventDefault();
    onFollow();
  });
  return link;
}
