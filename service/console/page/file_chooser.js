// Where the files to upload come from: they are chosen, dropped anywhere on the page, or chosen again to go on with an
// interrupted upload.

import { takeDrops } from "./drop_zone.js";
import { chosenFiles, droppedFiles } from "./dropped_files.js";
import { byId, hideError, showError } from "./elements.js";
import { bytes, displayName, fileName } from "./words.js";

export class FileChooser {
  #openPlace;
  #onFiles;
  #resumed = null; // the interrupted row whose file was asked for
  #staying = new AbortController(); // aborted when the person leaves

  /**
   * `openPlace` returns the open folder, and `folderName` what it is called, or null if it takes no files. `onFiles` is
   * called with the files, each `{file, path}`, and with `place`, where they go. After *Resume* it also gets `resumed`,
   * the row.
   */
  constructor({ openPlace, folderName, onFiles }) {
    this.#openPlace = openPlace;
    this.#onFiles = onFiles;
    for (const [button, input] of [["upload", "files"], ["choose-folder", "folder"]]) {
      byId(button).addEventListener("click", () => {
        this.#resumed = null;
        byId(input).click();
      });
      byId(input).addEventListener("change", ({ target }) => {
        this.#choose(chosenFiles(target.files));
        target.value = ""; // otherwise the same file could not be chosen again
      });
    }
    takeDrops({ folderName, onDrop: (transfer) => this.#drop(transfer) });
  }

  /** Asks for the file of an interrupted upload. */
  askFor(row) {
    this.#resumed = row;
    byId("files").click();
  }

  /** Forgets what was dropped and is still being read. */
  clear() {
    this.#staying.abort();
    this.#staying = new AbortController();
    this.#resumed = null;
  }

  async #drop(transfer) {
    const place = this.#openPlace();
    const { signal } = this.#staying;
    try {
      const files = await droppedFiles(transfer);
      if (!signal.aborted) this.#onFiles(files, { place });
    } catch {
      if (signal.aborted) return;
      showError(byId("files-error"), new Error("A folder that you dropped cannot be read. Choose its files instead."));
    }
  }

  /** After *Resume* the interrupted file must be among them. */
  #choose(files) {
    const row = this.#resumed;
    if (row && !files.some(({ file }) => row.waitsFor(file))) {
      const wanted = `${displayName(fileName(row.key))} (${bytes(row.size)})`;
      return showError(byId("files-error"), new Error(`This is another file. Choose ${wanted} to continue.`));
    }
    if (row) hideError(byId("files-error"));
    this.#onFiles(files, { place: this.#openPlace(), resumed: row });
    this.#resumed = null;
  }
}
