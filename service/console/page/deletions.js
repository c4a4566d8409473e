// Deletions that can be undone for some seconds: of a file, or for good of one of its versions. Until then nothing
// is asked for: a tab that closes deletes nothing.

import { button, byId, errorBox, isStillAt, showError } from "./elements.js";
import { deleteAsListed } from "./leaving.js";
import { focusHeading, offerUndo } from "./undo.js";

const UNVERSIONED = "null"; // the id of the version that the next upload replaces, where versions are not kept

export class Deletions {
  #service;
  #onChange;
  #pending = new Map(); // by idOf -> what offers to undo it

  /** `onChange` is called with the target, and `isDone`, when a deletion begins or ends. */
  constructor(service, onChange) {
    this.#service = service;
    this.#onChange = onChange;
  }

  has(target) {
    return this.#pending.size > 0 && this.#pending.has(idOf(target)); // it is asked about each file of the list
  }

  /** Hides what `deleteAsListed` takes, and deletes it unless that is undone. `words` say what was deleted. */
  begin(target, ...words) {
    const id = idOf(target);
    const pending = offerUndo(words, {
      onUndo: () => {
        this.#pending.delete(id);
        this.#onChange({ ...target, isDone: false });
      },
      onTime: () => this.#delete(id, target, pending),
    });
    this.#pending.set(id, pending);
    this.#onChange({ ...target, isDone: false });
  }

  /** Keeps an object that was replaced meanwhile. */
  cancel(bucket, key) {
    for (const versionId of [undefined, UNVERSIONED]) {
      const id = idOf({ bucket, key, versionId });
      if (this.#pending.has(id)) this.#drop(id);
    }
  }

  cancelAll() {
    for (const id of [...this.#pending.keys()]) this.#drop(id);
    byId("toasts").replaceChildren();
  }

  #drop(id) {
    this.#pending.get(id).drop();
    this.#pending.delete(id);
  }

  async #delete(id, target, pending) {
    const { toast, undo } = pending;
    const isOurs = () => this.#pending.get(id) === pending; // or somebody has signed out, or deletes what came since
    const hadFocus = isStillAt(undo);
    undo.hidden = true;
    try {
      await deleteAsListed(this.#service.client, target);
      if (!isOurs()) return;
      this.#drop(id);
      this.#onChange({ ...target, isDone: true });
      if (hadFocus && isStillAt(undo)) focusHeading();
    } catch (error) {
      if (!isOurs()) return;
      this.#pending.delete(id);
      this.#onChange({ ...target, isDone: false });
      showFailure(toast, target, error);
    }
  }
}

const idOf = ({ bucket, key, versionId }) => JSON.stringify([bucket, key, versionId]);

function showFailure(toast, { versionId }, error) {
  const box = errorBox();
  const dismiss = () => {
    toast.remove();
    focusHeading();
  };
  toast.replaceChildren(box, button("Dismiss", dismiss));
  const what = versionId === undefined ? "file" : "version";
  showError(box, error, { gently: true, lead: `The ${what} was not deleted.` });
}
