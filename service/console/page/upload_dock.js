// The uploads in the lower corner of the page. What they come to is always there; the list of them can be hidden.

import { byId } from "./elements.js";

const PHONE = "(max-width: 40rem)"; // as in dock.css: there the list would cover the files

export class UploadDock {
  #hadTrouble = false;
  #wasOver = true;

  constructor() {
    byId("toggle-uploads").addEventListener("click", () => this.#open(byId("dock-body").hidden));
  }

  /**
   * Shows the dock while `isThere`. The first upload that needs somebody, `hasTrouble`, opens its list. Once all
   * `isOver`, one line is left, unless somebody is in the list.
   */
  show({ isThere, hasTrouble, isOver }) {
    const dock = byId("uploading");
    if (hasTrouble && !this.#hadTrouble) this.#open(true);
    this.#hadTrouble = hasTrouble;
    if (isOver && !this.#wasOver && !byId("dock-body").contains(document.activeElement)) this.#open(false);
    else if (!isOver && this.#wasOver && isThere && !matchMedia(PHONE).matches) this.#open(true);
    this.#wasOver = isOver;
    byId("total").hidden = isOver;
    dock.hidden = !isThere;
    this.#makeRoom();
  }

  #open(isOpen) {
    byId("dock-body").hidden = !isOpen;
    this.#makeRoom();
    byId("toggle-uploads").textContent = isOpen ? "Hide list" : "Show list";
  }

  /** At the end of the page, so that all of it can be scrolled out from below. */
  #makeRoom() {
    const { classList } = document.documentElement;
    const isThere = !byId("uploading").hidden;
    classList.toggle("docked", isThere);
    classList.toggle("dock-open", isThere && !byId("dock-body").hidden);
  }
}
