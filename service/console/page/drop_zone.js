// The whole page takes dropped files.

import { byId, element } from "./elements.js";
import { displayName } from "./words.js";

/** Browsers repeat `dragover` at least every 350 ms. None of their other events is reliable when a drag ends outside. */
const GONE_MS = 600;

/** `folderName` returns where files would go, or null; `onDrop` is called with what was dropped, in the event. */
export function takeDrops({ folderName, onDrop }) {
  const overlay = byId("drop-here");
  const hide = () => (overlay.hidden = true);
  let timer;
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // otherwise the browser would leave the page
    const name = folderName();
    const words = element("p", name === null ? "Open a folder first" : "Drop to upload to ");
    if (name !== null) words.append(element("bdi", displayName(name)));
    overlay.replaceChildren(words);
    overlay.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(hide, GONE_MS);
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    hide();
    if (folderName() !== null) onDrop(event.dataTransfer);
  });
}

const carriesFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
