// What can be done with one file of the list.

import { announce, byId, inOneLine, showError } from "./elements.js";
import { focusControl } from "./file_rows.js";
import { restore } from "./versions.js";

export class FileActs {
  #service;
  #share;
  #deletions;
  #onRestored;
  #versions = null; // the dialog, while it is open
  #asked; // the dialog that was asked for last

  /** `onRestored` is called with a file that has a restored version, and resolves when the list shows that. */
  constructor(service, share, deletions, onRestored) {
    this.#service = service;
    this.#share = share;
    this.#deletions = deletions;
    this.#onRestored = onRestored;
  }

  /** Does what a control of a file is for. `signal` is aborted when another list is shown. */
  async run(act, { key, name, etag }, button, { place, signal }) {
    const file = { ...place, key, name };
    if (act === "share") return this.#share.choose(key, () => document.activeElement === document.body && leadBack(key));
    if (act === "delete") return this.#deletions.begin({ bucket: file.bucket, key, etag }, "Deleted ", inOneLine(name));
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true"; // a disabled button would lose the focus
    const { ended } = this.#service.client;
    try {
      if (act === "link") await this.#share.copyLink(file.bucket, key);
      if (act === "download") await this.#share.download(file.bucket, key);
      if (act === "preview") await this.#preview(file, signal);
      if (act === "versions") await this.#showVersions(file, signal);
      if (act === "restore") await this.#restore(file);
    } catch (error) {
      const lead = act === "restore" ? "The file was not restored." : undefined;
      if (!ended.aborted) showError(byId("files-error"), error, { gently: true, lead });
    }
    button.ariaBusy = null;
  }

  /** A deletion began, was undone, has failed or is done. */
  noteDeletion(deletion) {
    this.#versions?.noteDeletion(deletion);
  }

  async #preview({ bucket, key, name }, signal) {
    const isWanted = this.#ask(signal);
    const { preview } = await import("./preview.js");
    if (!isWanted()) return;
    await preview(this.#service.client, { bucket, key, name }, () => this.#share.download(bucket, key));
  }

  async #showVersions(file, signal) {
    const isWanted = this.#ask(signal);
    const { VersionsDialog } = await import("./versions_dialog.js");
    if (!isWanted()) return;
    const onDownload = (versionId) => this.#share.download(file.bucket, file.key, versionId);
    const onRestored = () => this.#onRestored(file);
    this.#versions = new VersionsDialog(this.#service, this.#deletions, file, { onDownload, onRestored });
    await this.#versions.open(() => {
      this.#versions = null;
      leadBack(file.key);
    });
  }

  /** Whether a dialog is to open once it is loaded: not if another list is shown, or another dialog was asked for. */
  #ask(signal) {
    const asked = (this.#asked = {});
    return () => !signal.aborted && asked === this.#asked;
  }

  async #restore(file) {
    const { client } = this.#service;
    await restore(client, file);
    client.ended.throwIfAborted(); // the store has answered late
    announce("Restored.");
    await this.#onRestored(file);
  }
}

/** To the file that a dialog was about: its row may have been replaced. */
function leadBack(key) {
  if (!focusControl(byId("rows"), key, "more")) byId("where").focus();
}
