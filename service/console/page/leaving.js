// What is being deleted, or is about to be: it is hidden, and what comes in its place meanwhile is kept. Pure, except
// for the calls of the service that it is given.

import { CHANGED } from "./batch_words.js";

export class Leaving {
  #deletions = new Set();

  /** A deletion of `targets`, `{bucket, key, etag}`, that hides these and the `shown` places until `end`. */
  begin(shown, targets) {
    const deletion = new Deletion(shown, targets, () => this.#deletions.delete(deletion));
    this.#deletions.add(deletion);
    return deletion;
  }

  hides(place) {
    return [...this.#deletions].some((each) => each.hides(place));
  }

  /** Keeps an object that came meanwhile, and shows the folders that it is in. Deletions that begin later delete it. */
  keep(bucket, key) {
    const ends = [key.length, ...[...key.matchAll(/\//g)].map(({ index }) => index + 1)];
    for (const each of this.#deletions) for (const end of ends) each.keep({ bucket, key: key.slice(0, end) });
  }
}

class Deletion {
  targets;
  #shown;
  #hidden; // ids of places
  #kept = new Set();
  #gone = new Set();
  #onEnd;

  constructor(shown, targets, onEnd) {
    this.#shown = shown;
    this.targets = targets;
    this.#hidden = new Set([...shown, ...targets].map(idOf));
    this.#onEnd = onEnd;
  }

  hides(place) {
    return this.#hidden.has(idOf(place));
  }

  keep(place) {
    if (this.#hidden.delete(idOf(place))) this.#kept.add(idOf(place));
  }

  end() {
    this.#hidden.clear();
    this.#onEnd();
  }

  /** Those of the shown places of which nothing is left. */
  get gone() {
    const left = this.targets.filter((target) => !this.#gone.has(idOf(target)));
    const isLeft = ({ key }) => left.some((target) => target.key === key || (key.endsWith("/") && target.key.startsWith(key)));
    return this.#shown.filter((place) => !isLeft(place) && !this.#kept.has(idOf(place)));
  }

  /** Deletes a target as `deleteAsListed` does. */
  async delete(client, target) {
    if (this.#kept.has(idOf(target))) return;
    await deleteAsListed(client, target);
    this.#gone.add(idOf(target));
  }
}

/**
 * Deletes an object, `{bucket, key, etag}`, unless it was changed since its ETag was listed; or one of its versions,
 * `{bucket, key, versionId}`.
 *
 * @throws Error whose message is a sentence for people, or what the client throws
 */
export async function deleteAsListed(client, target) {
  try {
    await client.delete(target);
  } catch (error) {
    if (error.code === "source_changed") throw new Error(CHANGED);
    const isGone = error.code === "not_found" && error.store; // a deletion with a condition says so
    if (!isGone) throw error;
  }
}

const idOf = ({ bucket, key }) => JSON.stringify([bucket, key]);
