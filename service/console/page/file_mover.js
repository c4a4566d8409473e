// Moves and renames what somebody selected: it asks where to, and what happens to names that are taken.

import { may, mayCopyOver, takesCopies } from "./access.js";
import { Batch } from "./batch.js";
import { batchWords, entriesInWords } from "./batch_words.js";
import { Answer } from "./conflicts.js";
import { askAboutConflicts } from "./conflicts_dialog.js";
import { filesOf, keysIn } from "./folder_contents.js";
import { FolderPicker } from "./folder_picker.js";
import { conflictsOf, folderOf, move, movesOf, whyNot } from "./moves.js";
import { askForName } from "./rename_dialog.js";
import { fileName } from "./words.js";

const PARALLEL = 4;
const MOVED = ["Moving", "moved"];
const RENAMED = ["Renaming", "renamed"];

export class FileMover {
  #service;
  #batches;
  #onMoved;
  #onGone;

  /** `onMoved` is called with each move that is done, and `onGone` with the place of a folder that was moved. */
  constructor(service, batches, { onMoved, onGone }) {
    this.#service = service;
    this.#batches = batches;
    this.#onMoved = onMoved;
    this.#onGone = onGone;
  }

  /** Resolves when all is moved, or nobody chose a folder. */
  async move(entries, place) {
    const { grants, bucket, folder } = place;
    const why = (to) =>
      whyNot(entries, place, to) ??
      (takesCopies(grants, to.bucket, `${to.folder}x`) ? null : "You cannot move files to this folder.");
    const picker = new FolderPicker(this.#service, { grants, start: { bucket, folder }, whyNot: why });
    const to = await picker.ask(`Move ${entriesInWords(entries)}`);
    if (!to) return;
    const target = (entry) => to.folder + nameOf(entry) + (entry.isFolder ? "/" : "");
    const roots = new Map(entries.map((entry) => [entry.key, target(entry)]));
    await this.#run(entries, roots, { ...place, targetBucket: to.bucket }, MOVED);
  }

  /** Resolves with the new key, or with null if it keeps its name. */
  async rename(entry, place) {
    const folder = folderOf(entry.key);
    const name = await askForName(folder, { ...entry, name: nameOf(entry) });
    if (name === null) return null;
    const key = folder + name + (entry.isFolder ? "/" : "");
    await this.#run([entry], new Map([[entry.key, key]]), { ...place, targetBucket: place.bucket }, RENAMED);
    return key;
  }

  async #run(entries, roots, { grants, bucket, targetBucket, signal }, [doing, done]) {
    const { client } = this.#service;
    const files = await filesOf(client, bucket, entries, { signal });
    if (!files.length) throw new Error("Nothing is left there. Open the folder again.");
    const moves = movesOf(files, roots, { bucket, targetBucket });
    const taken = moves.length > 1 ? await this.#taken(client, grants, targetBucket, roots, signal) : new Set();
    const conflicts = conflictsOf(moves, taken);
    const isReplaceable = (keys) => keys.every((key) => mayCopyOver(grants, targetBucket, key));
    const ask = (keys) => askAboutConflicts(keys.map(fileName), { mayReplace: isReplaceable(keys) });
    let batch = null;
    const answer = new Answer(async (keys) => (batch ? batch.ask(() => ask(keys)) : ask(keys)));
    if (conflicts.length && !(await answer.for(conflicts.map(({ targetKey }) => targetKey)))) return;
    const own = new Set(moves.map(({ targetKey }) => targetKey));
    const act = async (item) => {
      const { client } = this.#service;
      item.isSkipped = !(await move(client, grants, item, { taken, own, answer }));
      if (!item.isSkipped && !client.ended.aborted) this.#onMoved(item); // a list is read at each sign-in
    };
    batch = new Batch(moves, act, {
      parallel: PARALLEL,
      end: () => this.#noteFolders(entries, moves),
    });
    const skipped = () => moves.filter(({ isSkipped }) => isSkipped).length;
    const words = batchWords(doing, done, { nameOf: ({ key }) => fileName(key), skipped });
    await this.#batches.start(batch, words, { isRepeatable: true });
  }

  /** The keys that exist where the entries go, as far as the caller sees them. */
  async #taken(client, grants, bucket, roots, signal) {
    const targets = new Set(roots.values());
    const folders = new Set([...targets].map((key) => key.slice(0, key.lastIndexOf("/") + 1)));
    const found = new Set();
    for (const folder of folders)
      if (may(grants, "list", bucket, folder))
        for (const key of await keysIn(client, { bucket, folder, recursive: targets.has(folder), signal })) found.add(key);
    return found;
  }

  #noteFolders(entries, moves) {
    const left = moves.filter(({ isSkipped }) => isSkipped !== false); // skipped, failed, or cancelled before its turn
    for (const { isFolder, key } of entries) {
      const isLeft = left.some((item) => item.key.startsWith(key));
      if (isFolder && !isLeft) this.#onGone(moves[0].bucket, key);
    }
  }
}

const nameOf = ({ name }) => name.slice(name.lastIndexOf("/") + 1);
