// What resumes uploads when the tab was closed: in IndexedDB, the id of each upload at the store, its bucket
// and key, and the name, size and time of the file. No key of a caller, no token and no signed URL.

import { RunningUploads } from "./running_uploads.js";

const DATABASE = "presign-console";
const STORE = "uploads";

export class UnfinishedUploads {
  #caller = null; // who may see them: the browser may be shared
  #database = null;
  #running = new RunningUploads();

  /** From now on only this caller's uploads are noted and listed. */
  enter({ subject, issuer = null }) {
    this.#caller = JSON.stringify([issuer, subject]);
  }

  /** A storage for the client's `resume`, which adds what the page shows: `{bucket, key, name, size}`. */
  storage(facts) {
    const [caller, running] = [this.#caller, this.#running];
    const id = (name) => `${caller} ${name}`;
    return {
      getItem: async (name) => {
        const note = (await this.#run("readonly", (store) => store.get(id(name))))?.note ?? null;
        if (note !== null) running.add(id(name));
        return note;
      },
      setItem: (name, note) => {
        running.add(id(name));
        return this.#run("readwrite", (store) => store.put({ id: id(name), caller, note, ...facts }));
      },
      removeItem: (name) => {
        running.remove(id(name));
        return this.#run("readwrite", (store) => store.delete(id(name)));
      },
    };
  }

  /** This tab goes on with none of them any more, and lists none. */
  leave() {
    this.#caller = null;
    this.#running.end();
    this.#running = new RunningUploads();
  }

  /** The facts of the caller's uploads that no tab goes on with. Where the browser keeps nothing, there are none. */
  async list() {
    try {
      const all = await this.#run("readonly", (store) => store.getAll());
      const running = await this.#running.ofAllTabs();
      const left = all.filter(({ id, caller }) => caller === this.#caller && !running.has(id));
      return left.map(({ note: _note, id: _id, ...facts }) => facts);
    } catch {
      return [];
    }
  }

  async #run(mode, act) {
    this.#database ??= open();
    const database = await this.#database;
    return settled(act(database.transaction(STORE, mode).objectStore(STORE)));
  }
}

function open() {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE, { keyPath: "id" }));
  return settled(request);
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
