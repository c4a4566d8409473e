// Deletes what somebody selected: files, and all that is in folders. One *Undo* is for all of it.

import { Batch } from "./batch.js";
import { batchWords, entriesInWords } from "./batch_words.js";
import { filesOf } from "./folder_contents.js";
import { focusHeading, offerUndo } from "./undo.js";
import { counted, fileName } from "./words.js";

const PARALLEL = 4;

export class ManyDeletions {
  #service;
  #batches;
  #onChange;
  #waiting = new Set(); // what can be undone: {drop, all}
  #leaving = new Set(); // places that are not shown
  #kept = new Set(); // places where something came meanwhile

  /** `onChange(deleted)` is called with the places that are deleted, and when entries appear or vanish. */
  constructor(service, batches, onChange) {
    this.#service = service;
    this.#batches = batches;
    this.#onChange = onChange;
  }

  /** Whether an entry is being deleted. */
  hides(place) {
    return this.#leaving.has(idOf(place));
  }

  /** Keeps what was replaced meanwhile, and shows the folders that it is in. */
  keep(bucket, key) {
    for (const at of [key.length, ...[...key.matchAll(/\//g)].map(({ index }) => index + 1)]) {
      const id = idOf({ bucket, key: key.slice(0, at) });
      if (this.#leaving.delete(id)) this.#kept.add(id);
    }
  }

  /** Hides entries of a folder, and deletes them unless that is undone. */
  async begin(entries, { bucket }) {
    const files = entries.some(({ isFolder }) => isFolder) ? await filesOf(this.#service, bucket, entries) : entries;
    const [shown, targets] = [entries, files].map((all) => all.map(({ key }) => ({ bucket, key })));
    for (const id of [...shown, ...targets].map(idOf)) {
      this.#leaving.add(id);
      this.#kept.delete(id);
    }
    const show = () => this.#show([...shown, ...targets]);
    const offer = {
      show,
      ...offerUndo([wordsOf(entries, files)], {
        onUndo: () => {
          this.#waiting.delete(offer);
          show();
        },
        onTime: () => {
          this.#waiting.delete(offer);
          const hadFocus = [document.body, offer.undo].includes(document.activeElement);
          offer.drop();
          if (hadFocus) focusHeading();
          this.#delete(shown, targets);
        },
      }),
    };
    this.#waiting.add(offer);
    this.#onChange([]);
  }

  /** Deletes nothing that can still be undone. */
  cancelAll() {
    for (const { drop, show } of this.#waiting) {
      drop();
      show();
    }
    this.#waiting.clear();
  }

  #delete(shown, targets) {
    const gone = new Set();
    const act = async (target) => {
      if (this.#kept.has(idOf(target))) return;
      await this.#service.delete(target);
      gone.add(target.key);
    };
    const settle = () => {
      const left = targets.filter(({ key }) => !gone.has(key));
      const isGone = ({ key }) => !left.some((target) => isIn(target, key));
      this.#onChange(shown.filter((entry) => isGone(entry) && !this.#kept.has(idOf(entry))));
      this.#show([...shown, ...targets]);
    };
    const words = batchWords("Deleting", "deleted", { nameOf: ({ key }) => fileName(key) });
    const batch = new Batch(targets, act, { parallel: PARALLEL, end: settle, abort: settle });
    this.#batches.start(batch, words, { isRepeatable: true });
  }

  #show(places) {
    for (const place of places) this.#leaving.delete(idOf(place));
    this.#onChange([]);
  }
}

const idOf = ({ bucket, key }) => JSON.stringify([bucket, key]);

const isIn = ({ key }, entry) => key === entry || (entry.endsWith("/") && key.startsWith(entry));

function wordsOf(entries, files) {
  const all = files.length > entries.length ? ` with ${counted(files.length, "file")} in all` : "";
  return `Deleted ${entriesInWords(entries)}${all}`;
}
