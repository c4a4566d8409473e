// The versions of one file: to download an older one, or to delete one for good.

import { mayWithVersions } from "./access.js";
import { announce, element, hideError, inOneLine, showError } from "./elements.js";
import { showModal } from "./modal.js";
import { versionsOf } from "./versions.js";
import { bytes } from "./words.js";

const READ_AT_ONCE = 1000; // versions; more only on request

export class VersionsDialog {
  #service;
  #deletions;
  #file;
  #onDownload;
  #dialog = element("dialog", undefined, "versions");
  #name = element("h2");
  #hint = element("p", undefined, "hint");
  #error = element("div", undefined, "error");
  #list = element("ul");
  #more = button("Load more", () => this.#readOn());
  #rows = new Map(); // by version id, the newest first
  #source;
  #closed = new AbortController();

  /** `file` has its place and name. `onDownload` is called with a version's id, and resolves when that has begun. */
  constructor(service, deletions, file, onDownload) {
    this.#service = service;
    this.#deletions = deletions;
    this.#file = file;
    this.#onDownload = onDownload;
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
    this.#error.setAttribute("role", "alert");
    this.#error.hidden = true;
    for (const each of [this.#name, this.#error]) each.tabIndex = -1;
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
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#source = versionsOf(this.#service, { ...this.#file, signal: this.#closed.signal });
    await this.#read();
  }

  async #readOn() {
    const count = this.#rows.size;
    await this.#read();
    (this.#list.children[count] ?? this.#name).focus();
  }

  async #read() {
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
    for (const [versionId, row] of this.#rows) row.hidden = this.#deletions.has({ bucket, key, versionId });
    const [latest] = this.#rows.values();
    const current = latest?.querySelector(".current");
    if (current) current.hidden = false;
    this.#hint.textContent = this.#words();
  }

  #words() {
    if (this.#rows.size === 0) return "No version of this file is left.";
    const isOnly = this.#rows.size === 1 && this.#rows.has("null") && this.#more.hidden;
    const said = [isOnly ? "Earlier versions of this file were not kept." : "The newest version is first."];
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

  #buttons({ versionId, lastModified }, time) {
    const made = element("div", undefined, "buttons");
    const acts = { Download: () => this.#download(versionId), Delete: () => this.#delete(versionId, lastModified) };
    for (const [name, act] of Object.entries(acts)) {
      if (!this.#may(name.toLowerCase())) continue;
      const control = button(name, act);
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

  #delete(versionId, lastModified) {
    const { bucket, key, name } = this.#file;
    const words = ["Deleted for good:", inOneLine(name), exactTime(lastModified)];
    this.#deletions.begin({ bucket, key, versionId }, ...words);
  }
}

/** To the second: versions may be close to each other. */
const exactTime = (date) => date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

function button(name, onClick) {
  const made = element("button", name, "small");
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

function currentBadge() {
  const made = element("span", "Current", "badge current");
  made.hidden = true;
  return made;
}
