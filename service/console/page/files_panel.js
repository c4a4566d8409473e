// The files of the open folder: listed, sorted, filtered and shown a page at a time.

import { NOWHERE, bucketsOf, may, mayListVersions, namedBelow } from "./access.js";
import { DeletedFiles } from "./deleted_files.js";
import { Deletions } from "./deletions.js";
import { announce, byId, hideError, isStillAt, showError } from "./elements.js";
import { FileActs } from "./file_acts.js";
import { PAGE_ROWS, arranged, entryOf, isRestorable, recordEntry } from "./file_list.js";
import { FIRST, focusControl, showOrder, showRows } from "./file_rows.js";
import { showEmpty, showFoot } from "./list_foot.js";
import { ManyFiles } from "./many_files.js";
import { showPath } from "./path_bar.js";
import { isOfMany } from "./selected_acts.js";
import { newestOf } from "./versions.js";

const LOADED_AT_ONCE = 25_000; // entries; more only on request
const SHOWN_AFTER = 5_000; // entries between two redraws while a long list is being read
const SHOWN_MS = 500; // between redraws while hundreds of files arrive
const BY_NAME = { column: "name", isDescending: false };

export class FilesPanel {
  #service;
  #deletions;
  #acts;
  #many;
  #deleted;
  #place = NOWHERE;
  #entries = new Map(); // by key
  #sort = BY_NAME;
  #page = 0;
  #source = null; // of further entries
  #loading = new AbortController();
  #isReading = false;
  #hasFailed = false; // the list is not known to be complete
  #isFound = false; // the store has something there
  #newer = new Map(); // by key -> what was learned, or asked, since the list was asked for
  #timer = null; // of the next redraw

  constructor(service, share) {
    this.#service = service;
    this.#deletions = new Deletions(service, (deleted) => this.#noteDeletion(deleted));
    this.#acts = new FileActs(service, share, this.#deletions, (file) => this.#noteRestored(file));
    this.#many = new ManyFiles(service, {
      onChange: (gone) => this.#noteGone(gone),
      onMoved: (move) => this.#noteMoved(move),
      onRenamed: (key) => this.#focus(key),
      onError: (error) => showError(byId("files-error"), error, { gently: true }),
    });
    byId("filter").addEventListener("input", () => {
      this.#turnTo(0);
      announce(byId("listed").textContent || byId("empty-title").textContent);
    });
    byId("below").addEventListener("change", () => this.refresh());
    this.#deleted = new DeletedFiles(service, () => this.refresh());
    byId("previous").addEventListener("click", () => this.#turnPage(-1));
    byId("next").addEventListener("click", () => this.#turnPage(1));
    byId("load-more").addEventListener("click", () => this.#readOn());
    for (const head of byId("listing").querySelectorAll("[data-column]"))
      head.firstElementChild.addEventListener("click", () => this.#sortBy(head.dataset.column));
  }

  open(place) {
    this.#many.reveal();
    for (const dialog of document.querySelectorAll("dialog[open]:is(.preview, .versions, .drawer)")) dialog.close();
    byId("filter").value = "";
    byId("below").checked = false;
    this.#sort = BY_NAME;
    this.#page = 0;
    showPath(place, () => {
      this.refresh();
      byId("where").focus();
    });
    this.refresh(place);
  }

  /** Lists the folder again, for what the grants allow now. */
  refresh(place = this.#place) {
    this.#place = place;
    const { grants, bucket, folder } = place;
    this.#stop();
    this.#loading = new AbortController();
    this.#hasFailed = false;
    this.#isFound = place.isNew === true;
    hideError(byId("files-error"));
    const isListed = this.#mayList;
    const named = bucket === null ? bucketsOf(grants).map((name) => `${name}/`) : namedBelow(grants, bucket, folder);
    this.#entries = new Map(isListed ? [] : named.map((key) => [key, entryOf(folder, { key })]));
    const { signal } = this.#loading;
    const isAllowed = bucket !== null && mayListVersions(grants, bucket, folder);
    this.#deleted.offer({ bucket, folder, isAllowed, signal });
    const listed = { bucket, prefix: folder, recursive: this.#isDeep, signal };
    this.#source = isListed ? this.#service.client[this.#deleted.areShown ? "versions" : "list"](listed) : null;
    if (isListed) this.#read();
    else this.#show();
  }

  /** Asks for nothing more, and deletes nothing. */
  suspend() {
    this.#stop();
    this.#deletions.cancelAll();
    this.#many.suspend();
  }

  clear() {
    this.suspend();
    this.#many.clear();
    this.#deleted.clear();
    byId("filter").value = "";
    this.refresh(NOWHERE);
    for (const id of ["path", "where"]) byId(id).replaceChildren();
  }

  /** Whether files are being moved, deleted or put into a ZIP. */
  get isBusy() {
    return this.#many.isBusy;
  }

  /** Whether the list has this file. */
  has(bucket, key) {
    return bucket === this.#place.bucket && this.#entries.has(key);
  }

  /** Shows an object that was uploaded meanwhile, or the folder that it is in. */
  noteSent({ bucket, key, size, etag }) {
    this.#deletions.cancel(bucket, key);
    this.#many.keep(bucket, key);
    const { bucket: open, folder } = this.#place;
    if (bucket !== open || !key.startsWith(folder)) return;
    const end = this.#isDeep ? 0 : key.indexOf("/", folder.length) + 1;
    const shown = end ? { key: key.slice(0, end) } : { key, size, etag, lastModified: new Date(this.#service.now()) };
    this.#newer.set(shown.key, shown);
    this.#entries.set(shown.key, entryOf(folder, shown));
    this.#timer ??= setTimeout(() => this.#show(), SHOWN_MS);
  }

  /** Whether the list has the files in the folders below, too. */
  get #isDeep() {
    return byId("below").checked;
  }

  get #mayList() {
    const { grants, bucket, folder } = this.#place;
    return bucket !== null && may(grants, "list", bucket, folder);
  }

  #stop() {
    this.#loading.abort();
    this.#isReading = false;
    this.#source = null;
    this.#newer.clear();
  }

  async #read() {
    const { signal } = this.#loading;
    const { folder } = this.#place;
    const source = this.#source;
    this.#isReading = true;
    this.#show();
    try {
      for (let count = 1; count <= LOADED_AT_ONCE; count += 1) {
        const { value, done } = await source.next();
        if (signal.aborted) return;
        if (done) {
          this.#source = null;
          break;
        }
        this.#isFound = true;
        if (value.key !== folder && !this.#newer.has(value.key)) recordEntry(this.#entries, folder, value);
        if (count === 1000 || count % SHOWN_AFTER === 0) this.#show();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#source = null;
      this.#hasFailed = true;
      showError(byId("files-error"), error, { gently: true, onAgain: () => this.refresh() });
    }
    this.#isReading = false;
    this.#show();
  }

  /** The button that is hidden meanwhile loses the focus. */
  async #readOn() {
    await this.#read();
    const more = byId("load-more");
    if (isStillAt(more)) (more.hidden ? byId("where") : more).focus({ preventScroll: true });
  }

  #turnTo(page) {
    this.#page = page;
    this.#show();
  }

  /** Shows the next page or the one before, from its top. */
  #turnPage(step) {
    this.#turnTo(this.#page + step);
    const first = byId("rows").querySelector(FIRST);
    first?.focus({ preventScroll: true });
    byId("listing").scrollIntoView();
  }

  #sortBy(column) {
    const isSame = this.#sort.column === column;
    this.#sort = { column, isDescending: isSame ? !this.#sort.isDescending : column !== "name" };
    this.#turnTo(0);
  }

  #show() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const present = [...this.#entries.values()].filter((entry) => this.#isPresent(entry));
    const entries = arranged(present, { filter: byId("filter").value, ...this.#sort });
    this.#page = Math.max(0, Math.min(this.#page, Math.ceil(entries.length / PAGE_ROWS) - 1));
    const first = this.#page * PAGE_ROWS;
    const rows = entries.slice(first, first + PAGE_ROWS);
    showOrder(byId("listing"), this.#sort);
    this.#many.list({ ...this.#place, isDeep: this.#isDeep }, entries);
    const list = { place: this.#place, signal: this.#loading.signal };
    const act = (what, entry, button) =>
      isOfMany(what, entry) ? this.#many.begin(what, [entry]) : this.#acts.run(what, entry, button, list);
    showRows(byId("rows"), rows, this.#place, this.#service.now(), act, (...of) => this.#many.boxOf(...of));
    const isMore = this.#source !== null;
    const isEmpty = rows.length === 0 && !isMore && !this.#hasFailed;
    showEmpty(isEmpty, this.#place, { isFiltered: present.length > 0, isFound: this.#isFound });
    byId("searching").hidden = !this.#isDeep && (byId("filter").value === "" || !this.#mayList);
    showFoot({ entries, first, rows, isReading: this.#isReading, known: isMore ? this.#entries.size : null });
  }

  #isPresent(entry) {
    if (entry.isDeleted) return this.#deleted.areShown && isRestorable(entry);
    const place = { bucket: this.#place.bucket, key: entry.key };
    return !this.#deletions.has(place) && !this.#many.hides(place);
  }

  /** Focuses the row of a key, unless somebody has gone on elsewhere meanwhile. */
  #focus(key) {
    this.#show();
    const focused = document.activeElement;
    if (![document.body, byId("where")].includes(focused) && !byId("rows").contains(focused)) return;
    if (!focusControl(byId("rows"), key, "preview")) byId("where").focus();
  }

  #noteGone(places) {
    for (const { bucket, key } of places) if (bucket === this.#place.bucket) this.#remove(key);
    if (places.length) this.#timer ??= setTimeout(() => this.#show(), SHOWN_MS);
    else this.#show();
  }

  /** A list of deleted files that is still being read tells itself that this one is deleted. */
  #remove(key) {
    if (!this.#deleted.areShown) this.#newer.set(key, null);
    this.#entries.delete(key);
  }

  #noteMoved({ bucket, key, targetBucket, targetKey, size, copied }) {
    this.#noteGone([{ bucket, key }]);
    this.noteSent({ bucket: targetBucket, key: targetKey, size, etag: copied ?? undefined });
  }

  /** A deletion began, was undone, has failed or is done. */
  #noteDeletion(deletion) {
    const { bucket, key, versionId, isDone } = deletion;
    const isListed = bucket === this.#place.bucket && this.#entries.has(key);
    if (isDone && bucket === this.#place.bucket && versionId === undefined) this.#remove(key);
    this.#show();
    this.#acts.noteDeletion(deletion);
    if (!isDone) return;
    announce("Deleted.");
    if (isListed && (versionId !== undefined || this.#deleted.areShown)) this.#readAgain(key);
  }

  async #noteRestored({ bucket, key }) {
    if (this.has(bucket, key)) await this.#readAgain(key);
  }

  /** Shows what there is of a file, one of whose versions has gone or was added. */
  async #readAgain(key) {
    const { signal } = this.#loading;
    const { bucket, folder } = this.#place;
    const reading = {};
    this.#newer.set(key, reading);
    const isOver = () => signal.aborted || this.#newer.get(key) !== reading;
    try {
      const { version, deletions } = await newestOf(this.#service.client, { bucket, key, signal });
      if (isOver()) return;
      const [deletion] = deletions;
      const lastModified = (deletion ?? version)?.lastModified;
      const { size, etag } = version ?? {};
      const shown = { key, size, etag, lastModified, isDeleted: deletion !== undefined };
      if (version) this.#entries.set(key, entryOf(folder, shown));
      else this.#entries.delete(key);
      this.#show();
    } catch (error) {
      if (isOver()) return;
      showError(byId("files-error"), error, { gently: true, onAgain: () => this.refresh() });
    }
  }
}
