// The uploads at the lower edge of the page. What they come to is always there; the list of them can be hidden.

import { byId } from "./elements.js";

const PHONE = "(max-width: 40rem)"; // as in dock.css: there the list would cover the files

export class UploadDock {
  #hadTrouble = false;

  constructor() {
    byId("toggle-uploads").addEventListener("click", () => this.#open(byId("dock-body").hidden));
  }

  /** Shows the dock while `isThere`. The first upload that needs somebody, `hasTrouble`, opens its list. */
  show({ isThere, hasTrouble }) {
    const dock = byId("uploading");
    if (isThere && dock.hidden) this.#open(!matchMedia(PHONE).matches);
    if (hasTrouble && !this.#hadTrouble) this.#open(true);
    this.#hadTrouble = hasTrouble;
    dock.hidden = !isThere;
  }

  #open(isOpen) {
    byId("dock-body").hidden = !isOpen;
    byId("toggle-uploads").textContent = isOpen ? "Hide list" : "Show list";
  }
}
