// What a later call needs to resume an upload: its id, and what the file was. No token and no URL.

export class Note {
  #storage;
  #name;

  /** `storage` is a `Storage`, or has its methods, which may be async. Without it there is no note. */
  constructor(storage, url, bucket, key) {
    this.#storage = storage;
    this.#name = `presign-upload ${url} ${bucket}/${key}`;
  }

  /** Whether there will be a note. */
  get isKept() {
    return this.#storage !== undefined;
  }

  /** Returns null if there is no valid note. */
  async read() {
    try {
      const note = JSON.parse(await this.#storage?.getItem(this.#name));
      return typeof note.uploadId === "string" ? note : null; // the rest is compared
    } catch {
      return null;
    }
  }

  /** Without space or permission the upload works, but cannot be resumed. */
  async write(note) {
    try {
      await this.#storage?.setItem(this.#name, JSON.stringify(note));
    } catch {
      this.#storage = undefined;
    }
  }

  async forget() {
    await this.#storage?.removeItem(this.#name);
  }
}
