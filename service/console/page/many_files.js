// What can be done with several files and folders at once: they are selected by box, with Shift or by keyboard, and
// a bar above the list offers what the caller may do with all of them.

import { NOWHERE } from "./access.js";
import { selectedInWords } from "./batch_words.js";
import { announce, byId, element } from "./elements.js";
import { downloadEach, downloadZip } from "./file_downloads.js";
import { FileMover } from "./file_mover.js";
import { ManyDeletions } from "./many_deletions.js";
import { RunningBatches } from "./running_batches.js";
import { ACTS, isSelectable, offeredFor } from "./selected_acts.js";
import { Selection } from "./selection.js";
import { SelectionBar } from "./selection_bar.js";

export class ManyFiles {
  #service;
  #batches = new RunningBatches();
  #selection = new Selection();
  #deletions;
  #mover;
  #bar;
  #onError;
  #onRenamed;
  #place = NOWHERE;
  #entries = []; // that can be selected, in the order of the list
  #begun = new Set(); // acts that are not over yet, and on what
  #staying = new AbortController(); // aborted while nobody is signed in, and during a sign-out

  /**
   * `onChange(gone)` is called with the places of what is no longer there, and when entries appear or vanish;
   * `onMoved` with each move that is done; `onRenamed` with a new key; `onError` with what failed before it began.
   */
  constructor(service, { onChange, onMoved, onRenamed, onError }) {
    this.#service = service;
    this.#onError = onError;
    this.#onRenamed = onRenamed;
    this.#deletions = new ManyDeletions(service, this.#batches, onChange);
    const onGone = (bucket, key) => onChange([{ bucket, key }]);
    this.#mover = new FileMover(service, this.#batches, { onMoved, onGone });
    const acts = ACTS.map((each) => ({ ...each, run: () => this.#act(each.act) }));
    this.#bar = new SelectionBar(acts, { onAll: () => this.#selectAll(), onClear: () => this.#clear() });
    byId("listing").addEventListener("keydown", (event) => this.#press(event));
  }

  get isBusy() {
    return this.#batches.isBusy;
  }

  /** Whether an entry is being deleted. */
  hides(place) {
    return this.#deletions.hides(place);
  }

  /** Deletes nothing that came meanwhile. */
  keep(bucket, key) {
    this.#deletions.keep(bucket, key);
  }

  /** From now on these entries are listed. Those that are gone, or filtered out, are no longer selected. */
  list(place, entries) {
    if (place.bucket !== this.#place.bucket || place.folder !== this.#place.folder) this.#selection.clear();
    this.#place = place;
    this.#entries = entries.filter((entry) => isSelectable(entry, place));
    if (this.#selection.size) this.#selection.keep(this.#entries.map(({ key }) => key));
    this.#showBar();
  }

  /** Somebody has signed in: what was begun before can go on. */
  reveal() {
    if (this.#staying.signal.aborted) this.#staying = new AbortController();
    this.#batches.reveal();
  }

  /** The box of an entry, or null if nothing may be done with it. `id` is that of its name. */
  boxOf(entry, id) {
    if (!isSelectable(entry, this.#place)) return null;
    const box = element("input", undefined, "select");
    box.type = "checkbox";
    box.dataset.act = "select";
    box.ariaLabel = "Select";
    box.setAttribute("aria-describedby", id);
    box.checked = this.#selection.has(entry.key);
    box.addEventListener("click", ({ shiftKey }) => this.#toggle(entry.key, shiftKey));
    return box;
  }

  /** Does something with entries once, however often that is clicked until it is over. */
  async begin(act, entries) {
    const { signal } = this.#staying;
    const begun = this.#begun;
    const id = JSON.stringify([act, this.#place.bucket, entries.map(({ key }) => key)]);
    if (signal.aborted || begun.has(id)) return;
    begun.add(id);
    try {
      await this.#run(act, entries, signal);
    } catch (error) {
      if (!signal.aborted) this.#onError(error);
    }
    begun.delete(id);
  }

  suspend() {
    this.#staying.abort();
    this.#deletions.cancelAll();
    this.#batches.suspend();
  }

  clear() {
    this.#batches.clear();
    this.#begun = new Set(); // what still goes on ends among those of its own sign-in
    this.list(NOWHERE, []);
  }

  get #selected() {
    return this.#entries.filter(({ key }) => this.#selection.has(key));
  }

  #act(act) {
    return this.begin(act, this.#selected);
  }

  async #run(act, entries, signal) {
    const place = { ...this.#place, signal };
    if (!offeredFor(entries, place).some((each) => each.act === act)) return;
    if (act === "download") return downloadEach(this.#service, this.#batches, entries, place);
    if (act === "zip") return downloadZip(this.#service, this.#batches, entries, place);
    if (act === "delete") await this.#deletions.begin(entries, place);
    if (act === "move") await this.#mover.move(entries, place);
    if (act === "rename") {
      const key = await this.#mover.rename(entries[0], place);
      if (key !== null) this.#onRenamed(key);
    }
  }

  #toggle(key, isRange) {
    const order = this.#entries.map((entry) => entry.key);
    if (isRange) this.#selection.extend(order, key, key);
    else this.#selection.toggle(key);
    this.#note();
  }

  #selectAll() {
    this.#selection.selectAll(this.#entries.map(({ key }) => key));
    this.#note();
  }

  #clear() {
    this.#selection.clear();
    this.#note();
  }

  #note() {
    for (const box of byId("rows").querySelectorAll(".select"))
      box.checked = this.#selection.has(box.closest("tr").dataset.key);
    this.#showBar();
    announce(this.#selection.size ? selectedInWords(this.#selected) : "Nothing selected.");
  }

  #showBar() {
    const selected = this.#selected;
    this.#bar.show({
      count: selected.length,
      most: this.#entries.length,
      words: selectedInWords(selected),
      offered: offeredFor(selected, this.#place).map(({ act }) => act),
    });
  }

  #press(event) {
    const { key, shiftKey, target } = event;
    const row = target.closest("tbody tr");
    if (key === "Escape" && this.#selection.size) return this.#clear();
    if (key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault(); // it would select the text of the page
      return this.#selectAll();
    }
    if (!row) return;
    if (key === "F2") return this.#rename(event, row.dataset.key);
    if (key === " " && target.matches("a")) return this.#space(event, row.dataset.key);
    if (shiftKey && ["ArrowUp", "ArrowDown"].includes(key)) this.#extend(event, row);
  }

  #rename(event, key) {
    event.preventDefault();
    this.begin("rename", this.#entries.filter((entry) => entry.key === key));
  }

  /** A link does nothing else at a space. */
  #space(event, key) {
    if (!this.#entries.some((entry) => entry.key === key)) return;
    event.preventDefault();
    this.#toggle(key, false);
  }

  /** The list itself moves the focus by one row. */
  #extend({ key }, row) {
    const other = key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
    const order = this.#entries.map((entry) => entry.key);
    if (!other || !order.includes(other.dataset.key) || !order.includes(row.dataset.key)) return;
    this.#selection.extend(order, row.dataset.key, other.dataset.key);
    this.#note();
  }
}
