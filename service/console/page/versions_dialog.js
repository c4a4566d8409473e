// The versions of one file: to download or restore an older one, or to delete one for good.

import { mayRestoreVersion, mayWithVersions } from "./access.js";
import { announce, button, byId, element, errorBox, hideError, inOneLine, showError } from "./elements.js";
import { showModal } from "./modal.js";
import { canBecomeNewest, restoreVersion, versionsOf } from "./versions.js";
import { bytes } from "./words.js";

const READ_AT_ONCE = 1000; // versions; more only on request

export class VersionsDialog {
  #service;
  #deletions;
  #file;
  #onDownload;
  #onRestored;
  #dialog = element("dialog", undefined, "versions");
  #name = element("h2");
  #hint = element("p", undefined, "hint");
  #error = errorBox();
  #list = element("ul");
  #more = button("Load more", () => this.#readOn());
  #rows = new Map(); // by version id, the newest first
  #source;
  #reading = null; // of some versions, while or after they are read
  #isRestoring = false;
  #closed = new AbortController();

  /**
   * `file` has its place and name. `onDownload` is called with a version's id, and resolves when that has begun.
   * `onRestored` is called when there is a new version, and resolves when the list of files shows it.
   */
  constructor(service, deletions, file, { onDownload, onRestored }) {
    this.#service = service;
    this.#deletions = deletions;
    this.#file = file;
    this.#onDownload = onDownload;
    this.#onRestored = onRestored;
    this.#build();
  }

  /** Resolves when the first versions are shown. */
  async open(onClose) {
    document.body.append(this.#dialog);
    showModal(this.#dialog, () => this.#close(onClose));
    await this.#readAgain();
  }

  /** A deletion began, was undone, has failed or is done. */
  noteDeletion({ bucket, key, versionId, isDone }) {
    if (bucket !== this.#file.bucket || key !== this.#file.key) return;
    if (isDone) {
      this.#rows.get(versionId)?.remove();
      this.#rows.delete(versionId);
    }
    this.#refresh();
  }

  #build() {
    this.#dialog.ariaLabel = "Versions";
    this.#list.ariaLabel = "Versions of this file";
    this.#name.tabIndex = -1;
    this.#name.append(inOneLine(this.#file.name));
    const head = element("div", undefined, "dialog-head");
    head.append(this.#name, button("Close", () => this.#dialog.close()));
    const body = element("div", undefined, "versions-body");
    body.append(this.#hint, this.#error, this.#list, this.#more);
    this.#dialog.append(head, body);
  }

  #close(onClose) {
    this.#closed.abort();
    this.#dialog.remove();
    onClose();
  }

  async #readAgain() {
    await this.#reading; // what it adds is not in the new list
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#source = versionsOf(this.#service.client, { ...this.#file, signal: this.#closed.signal });
    await this.#read();
  }

  async #readOn() {
    const count = this.#rows.size;
    await this.#read();
    if (this.#error.hidden) (this.#list.children[count] ?? this.#name).focus();
  }

  #read() {
    this.#reading = this.#readSome();
    return this.#reading;
  }

  async #readSome() {
    const { signal } = this.#closed;
    hideError(this.#error);
    this.#more.hidden = true;
    this.#hint.textContent = "Loading…";
    try {
      this.#more.hidden = !(await this.#addSome());
      this.#refresh();
      announce(this.#hint.textContent);
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      this.#hint.textContent = "";
      showError(this.#error, error, { onAgain: () => this.#readAgain() });
    }
  }

  /** Whether there may be more. */
  async #addSome() {
    for (let count = 0; count < READ_AT_ONCE; count += 1) {
      const { value, done } = await this.#source.next();
      if (done) return false;
      const row = this.#row(value);
      this.#rows.set(value.versionId, row);
      this.#list.append(row);
    }
    return true;
  }

  #refresh() {
    const { bucket, key } = this.#file;
    const [newest] = this.#rows.keys();
    for (const [versionId, row] of this.#rows) {
      row.hidden = this.#deletions.has({ bucket, key, versionId });
      show(row.querySelector(".current"), versionId === newest);
      show(row.querySelector(".restore"), canBecomeNewest(versionId, newest));
    }
    this.#hint.textContent = this.#words();
  }

  #words() {
    if (this.#rows.size === 0) return "No version of this file is left.";
    const isOnly = this.#rows.size === 1 && this.#rows.has("null") && this.#more.hidden;
    const said = [isOnly ? "Earlier versions of this file were not kept." : "The newest version is first."];
    if (this.#list.querySelector(".restore:not([hidden])")) said.push("If you restore one, all others stay.");
    if (this.#may("delete")) said.push("A version that you delete is gone for good.");
    return said.join(" ");
  }

  #may(operation) {
    const { grants, bucket, key } = this.#file;
    return mayWithVersions(grants, operation, bucket, key);
  }

  #row(version) {
    const row = element("li", undefined, "version");
    row.tabIndex = -1;
    const time = element("time", exactTime(version.lastModified));
    time.dateTime = version.lastModified.toISOString();
    time.id = `version-${version.versionId}`;
    row.append(time);
    if (version.isDeleteMarker) row.append(element("span", "Deleted", "badge"));
    else row.append(element("span", bytes(version.size), "hint"), currentBadge(), this.#buttons(version, time));
    return row;
  }

  #buttons(version, time) {
    const { grants, bucket, key } = this.#file;
    const { versionId, lastModified } = version;
    const acts = [
      ["Download", this.#may("download"), () => this.#download(versionId)],
      ["Restore", mayRestoreVersion(grants, bucket, key), (control) => this.#restore(version, control)],
      ["Delete", this.#may("delete"), () => this.#delete(versionId, lastModified)],
    ];
    const made = element("div", undefined, "buttons");
    for (const [name, , act] of acts.filter(([, isAllowed]) => isAllowed)) {
      const control = button(name, () => act(control));
      control.classList.add(name.toLowerCase());
      control.setAttribute("aria-describedby", time.id);
      made.append(control);
    }
    return made;
  }

  async #download(versionId) {
    try {
      await this.#onDownload(versionId);
    } catch (error) {
      if (error.status !== 401) showError(this.#error, error);
    }
  }

  /** Goes on when the dialog is closed. Until it ends nothing moves, so a second click hits the same button. */
  async #restore({ versionId, size }, control) {
    if (this.#isRestoring) return; // a double click makes one copy
    this.#isRestoring = true;
    control.textContent = "Restoring…";
    announce(control.textContent);
    const { client } = this.#service;
    try {
      const { bucket, key } = this.#file;
      await restoreVersion(client, { bucket, key, versionId, size });
      await this.#showRestored(client);
    } catch (error) {
      control.textContent = "Restore";
      const box = this.#closed.signal.aborted ? byId("files-error") : this.#error;
      if (!client.ended.aborted) showError(box, error, { gently: true, lead: "The version was not restored." });
    }
    this.#isRestoring = false;
  }

  /** Nothing after a sign-out: the store, and then the service, may answer late. */
  async #showRestored({ ended }) {
    ended.throwIfAborted();
    const hadFocus = this.#list.contains(document.activeElement);
    await Promise.all([this.#onRestored(), this.#readAgain()]);
    ended.throwIfAborted();
    announce("Restored.");
    const isLost = hadFocus && document.activeElement === document.body;
    if (isLost && this.#error.hidden) (this.#list.firstElementChild ?? this.#name).focus();
  }

  #delete(versionId, lastModified) {
    const { bucket, key, name } = this.#file;
    const words = ["Deleted for good:", inOneLine(name), exactTime(lastModified)];
    this.#deletions.begin({ bucket, key, versionId }, ...words);
  }
}

function show(part, isShown) {
  if (part) part.hidden = !isShown;
}

/** To the second: versions may be close to each other. */
const exactTime = (date) => date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

function currentBadge() {
  const made = element("span", "Current", "badge current");
  made.hidden = true;
  return made;
}
