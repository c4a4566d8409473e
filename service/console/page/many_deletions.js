// Deletes what somebody selected: files, and all that is in folders. One *Undo* is for all of it.

import { Batch } from "./batch.js";
import { batchWords, entriesInWords } from "./batch_words.js";
import { isStillAt } from "./elements.js";
import { filesOf } from "./folder_contents.js";
import { Leaving } from "./leaving.js";
import { focusHeading, offerUndo } from "./undo.js";
import { counted, fileName } from "./words.js";

const PARALLEL = 4;

export class ManyDeletions {
  #service;
  #batches;
  #onChange;
  #waiting = new Set(); // what can be undone: {drop, show}
  #leaving = new Leaving();

  /** `onChange(deleted)` is called with the places that are deleted, and when entries appear or vanish. */
  constructor(service, batches, onChange) {
    this.#service = service;
    this.#batches = batches;
    this.#onChange = onChange;
  }

  /** Whether an entry is being deleted. */
  hides(place) {
    return this.#leaving.hides(place);
  }

  /** Keeps what was replaced meanwhile, and shows the folders that it is in. */
  keep(bucket, key) {
    this.#leaving.keep(bucket, key);
  }

  /** Hides entries of a folder, and deletes them unless that is undone. */
  async begin(entries, { bucket, signal }) {
    const hasFolder = entries.some(({ isFolder }) => isFolder);
    const files = hasFolder ? await filesOf(this.#service.client, bucket, entries, { signal }) : entries;
    const shown = entries.map(({ key }) => ({ bucket, key }));
    const targets = files.map(({ key, etag }) => ({ bucket, key, etag }));
    const deletion = this.#leaving.begin(shown, targets);
    const show = () => this.#show(deletion);
    const offer = {
      show,
      ...offerUndo([wordsOf(entries, files)], {
        onUndo: () => {
          this.#waiting.delete(offer);
          show();
        },
        onTime: () => {
          this.#waiting.delete(offer);
          const hadFocus = isStillAt(offer.undo);
          offer.drop();
          if (hadFocus) focusHeading();
          this.#delete(deletion);
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

  #delete(deletion) {
    const settle = () => {
      this.#onChange(deletion.gone);
      this.#show(deletion);
    };
    const words = batchWords("Deleting", "deleted", { nameOf: ({ key }) => fileName(key) });
    const act = (target) => deletion.delete(this.#service.client, target);
    const batch = new Batch(deletion.targets, act, { parallel: PARALLEL, end: settle, abort: settle });
    this.#batches.start(batch, words, { isRepeatable: true });
  }

  #show(deletion) {
    deletion.end();
    this.#onChange([]);
  }
}

function wordsOf(entries, files) {
  const all = files.length > entries.length ? ` with ${counted(files.length, "file")} in all` : "";
  return `Deleted ${entriesInWords(entries)}${all}`;
}
