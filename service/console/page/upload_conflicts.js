// Uploads whose names are taken: one question for all of a batch, as soon as nothing of it is being sent.

import { freeName } from "./conflicts.js";
import { askAboutConflicts } from "./conflicts_dialog.js";
import { byId, isWriting } from "./elements.js";
import { counted, fileName } from "./words.js";

const UNDER_WAY = ["waiting", "sending", "finishing"];

export class UploadConflicts {
  #rows;
  #answers;
  #asked = new WeakSet(); // rows: nobody is asked twice without wanting it
  #isAsking = false;

  /** `rows` returns all uploads. `answers` has what to do with a row, by the answer. */
  constructor(rows, answers) {
    this.#rows = rows;
    this.#answers = answers;
    byId("ask-taken").addEventListener("click", () => this.#ask(this.#taken));
  }

  get #taken() {
    return this.#rows().filter((row) => row.isTaken);
  }

  /** Asks if it is time: not while files are sent, and not while somebody types or answers something else. */
  consider() {
    const taken = this.#taken;
    byId("ask-taken").hidden = !taken.length;
    if (!taken.length) return;
    byId("ask-taken").textContent = `${counted(taken.length, "name")} taken…`;
    const isElsewhere = isWriting(document.activeElement) || document.querySelector("dialog[open]");
    if (isElsewhere || this.#rows().some(({ state }) => UNDER_WAY.includes(state))) return;
    const fresh = taken.filter((row) => !this.#asked.has(row));
    if (fresh.length) this.#ask(fresh);
  }

  async #ask(rows) {
    if (this.#isAsking) return;
    this.#isAsking = true;
    for (const row of rows) this.#asked.add(row);
    const mayReplace = rows.every((row) => row.mayOverwrite);
    const answer = await askAboutConflicts(rows.map(({ key }) => fileName(key)), { mayReplace });
    this.#isAsking = false;
    const present = this.#rows(); // others may have been dismissed, or somebody else is signed in
    for (const row of rows) if (present.includes(row) && row.isTaken) this.#answers[answer]?.(row);
    this.consider();
  }
}

/** A key like one that is taken. `isKnown` tells which others are. */
export function freeKey(key, isKnown) {
  const folder = key.slice(0, key.lastIndexOf("/") + 1);
  return folder + freeName(key.slice(folder.length), (name) => isKnown(folder + name));
}

