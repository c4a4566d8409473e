// Asks for a folder: the one above, one below, or one that does not exist yet.

import { bucketsOf, invalidKey, may, nameOf, namedBelow } from "./access.js";
import { button, element, errorBox, hideError, icon, inOneLine, showError } from "./elements.js";
import { keysIn } from "./folder_contents.js";
import { answerButton, openDialog } from "./questions.js";

const MOST = 10_000; // entries that are read

export class FolderPicker {
  #service;
  #grants;
  #place;
  #whyNot;
  #dialog;
  #closed = new AbortController();
  #here = element("p", undefined, "picked");
  #list = element("ul", undefined, "folders");
  #hint = element("p", undefined, "hint");
  #error = errorBox();
  #name = element("input");
  #accept;

  /** `whyNot(place)` is a sentence if a place cannot be chosen, or null. */
  constructor(service, { grants, start, whyNot }) {
    this.#service = service;
    this.#grants = grants;
    this.#place = start;
    this.#whyNot = whyNot;
  }

  /** Resolves with the `{bucket, folder}` that was chosen, or with null. */
  ask(title) {
    this.#accept = answerButton("Move here", "here", true);
    const content = [this.#here, this.#error, this.#list, this.#hint, this.#newFolder()];
    this.#here.tabIndex = -1;
    this.#list.ariaLabel = "Folders";
    const buttons = [answerButton("Cancel", ""), this.#accept];
    this.#dialog = openDialog({ title, content, buttons, className: "question picker" });
    this.#open(this.#place);
    return new Promise((resolve) =>
      this.#dialog.addEventListener("close", () => {
        this.#closed.abort();
        resolve(this.#dialog.returnValue === "here" ? this.#place : null);
      }),
    );
  }

  #newFolder() {
    const made = element("div", undefined, "joined");
    Object.assign(this.#name, { type: "text", autocomplete: "off", spellcheck: false, placeholder: "New folder" });
    this.#name.ariaLabel = "New folder";
    this.#name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it would move
      this.#openNew();
    });
    made.append(this.#name, button("Open", () => this.#openNew()));
    return made;
  }

  #openNew() {
    const name = this.#name.value.trim().replace(/^\/+|\/+$/g, "");
    const wrong = name ? invalidKey(name) : "Enter a name.";
    if (wrong) return showError(this.#error, new Error(wrong));
    this.#name.value = "";
    this.#open({ ...this.#place, folder: `${this.#place.folder}${name}/` }, true);
  }

  async #open(place, isNew = false) {
    this.#closed.abort();
    this.#closed = new AbortController();
    const { signal } = this.#closed;
    this.#place = place;
    hideError(this.#error);
    const { bucket } = place;
    this.#here.replaceChildren(icon("folder"), inOneLine(bucket === null ? "Your buckets" : nameOf(place)));
    this.#name.parentElement.hidden = bucket === null;
    const why = bucket === null ? "Open a bucket." : this.#whyNot(place);
    this.#accept.disabled = why !== null;
    this.#hint.textContent = why ?? "";
    this.#list.replaceChildren(...this.#up());
    this.#here.focus();
    if (isNew) return;
    try {
      const keys = await this.#below(signal);
      if (!signal.aborted) this.#list.append(...keys.map((key) => this.#row(key)));
    } catch (error) {
      if (!signal.aborted && error.status !== 401) showError(this.#error, error, { onAgain: () => this.#open(place) });
    }
  }

  async #below(signal) {
    const { bucket, folder } = this.#place;
    const grants = this.#grants;
    if (bucket === null) return bucketsOf(grants);
    const isListed = may(grants, "list", bucket, folder);
    const keys = isListed ? [...(await keysIn(this.#service.client, { bucket, folder, signal, most: MOST }))] : namedBelow(grants, bucket, folder);
    return keys.filter((key) => key.endsWith("/") && key !== folder);
  }

  #up() {
    const { bucket, folder } = this.#place;
    if (bucket === null) return [];
    const above = folder.slice(0, folder.lastIndexOf("/", folder.length - 2) + 1);
    const isTop = folder === "";
    if (isTop && bucketsOf(this.#grants).length < 2) return [];
    return [line("↑ One level up", () => this.#open(isTop ? { bucket: null, folder: "" } : { bucket, folder: above }))];
  }

  #row(key) {
    const { bucket, folder } = this.#place;
    const name = bucket === null ? key : key.slice(folder.length, -1);
    const to = bucket === null ? { bucket: key, folder: "" } : { bucket, folder: key };
    return line(name || "/", () => this.#open(to), true);
  }
}

function line(name, onClick, isFolder = false) {
  const made = element("li");
  const control = button(undefined, onClick);
  control.className = "folder-line";
  control.append(...(isFolder ? [icon("folder")] : []), inOneLine(name));
  made.append(control);
  return made;
}
