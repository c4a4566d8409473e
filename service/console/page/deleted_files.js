// The choice to show deleted files. It is offered only where versions are kept: elsewhere nothing brings them back.

import { byId } from "./elements.js";
import { keepsVersions } from "./versions.js";

export class DeletedFiles {
  #service;
  #keepers = new Set(); // the buckets that are known to keep versions

  constructor(service, onChange) {
    this.#service = service;
    byId("show-deleted").addEventListener("change", onChange);
  }

  get areShown() {
    return byId("show-deleted").checked;
  }

  /** Offers it for a folder, at once or as soon as the store has answered. */
  async offer({ bucket, folder, isAllowed, signal }) {
    const isKnown = this.#keepers.has(bucket);
    show(isAllowed && isKnown);
    if (!isAllowed || isKnown) return;
    const isKept = await keepsVersions(this.#service.client, { bucket, folder, signal }).catch(() => false);
    if (isKept) this.#keepers.add(bucket);
    if (!signal.aborted) show(isKept);
  }

  clear() {
    this.#keepers.clear();
    show(false);
  }
}

function show(isOffered) {
  byId("deleted-files").hidden = !isOffered;
  byId("show-deleted").checked &&= isOffered;
}
