// The whole page takes dropped files.

import { byId, element, isolated } from "./elements.js";

/** `folderName` returns where files would go, or null; `onDrop` is called with what was dropped, in the event. */
export function takeDrops({ folderName, onDrop }) {
  const overlay = byId("drop-here");
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // otherwise the browser would leave the page
    const name = folderName();
    const words = element("p", name === null ? "Open a folder first" : "Drop to upload to ");
    if (name !== null) words.append(isolated(name));
    overlay.replaceChildren(words);
    overlay.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) overlay.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    overlay.hidden = true;
    if (folderName() !== null) onDrop(event.dataTransfer);
  });
}

const carriesFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
