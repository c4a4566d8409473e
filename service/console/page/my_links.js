// The links of the signed-in caller: those that the service lists, and those that were made in this tab.

import { byId, hideError, isStillAt, showError } from "./elements.js";
import { LinkRow } from "./link_row.js";
import { linkOf } from "./link_words.js";

const AT_ONCE = 5;
const MINE = "My links";
const OF_THIS_TAB = "Links made in this tab";
const NO_LIST = ["invalid_request", "not_found"]; // the service has no store of links, or no links

export class MyLinks {
  #service;
  #rows = [];
  #client; // of which the list is
  #listed = null; // the service's list, as far as it was read; null: nobody has asked

  constructor(service) {
    this.#service = service;
    byId("links-more").addEventListener("click", () => this.#readOn());
    setInterval(() => this.#count(), 500);
  }

  /** Reads the list, once for each caller. */
  async open() {
    if (this.#listed) return;
    this.#begin();
    await this.#showMore();
  }

  /** Adds a new link on top, and returns its row. */
  add(link) {
    const row = this.#row(link);
    this.#rows.unshift(row);
    byId("links").prepend(row.root);
    row.count();
    this.#show();
    return row;
  }

  clear() {
    this.#listed = null;
    for (const row of this.#rows) row.root.remove();
    this.#rows = [];
    hideError(byId("links-error"));
    byId("links-title").textContent = OF_THIS_TAB;
    byId("links-more").hidden = true;
    byId("links").ariaBusy = "false";
    this.#show();
  }

  #begin() {
    this.#client = this.#service.client;
    this.#listed = this.#client.links();
  }

  /** The button that is disabled meanwhile loses the focus, which goes to the first further link. */
  async #readOn() {
    const last = this.#rows.at(-1);
    await this.#showMore();
    if (isStillAt(byId("links-more"))) this.#rows[this.#rows.indexOf(last) + 1]?.focus();
  }

  async #showMore() {
    if (this.#client.ended.aborted) this.#begin(); // signed in again: links that are shown are passed over
    const listed = this.#listed;
    const button = byId("links-more");
    button.disabled = true;
    byId("links").ariaBusy = "true";
    hideError(byId("links-error"));
    try {
      const isAll = await this.#read(listed);
      byId("links-title").textContent = MINE;
      button.hidden = isAll;
    } catch (error) {
      if (listed !== this.#listed) return; // signed out
      this.#failed(error);
    }
    button.disabled = false;
    byId("links").ariaBusy = "false";
    this.#show();
  }

  /** Shows the next links, and returns whether they were the last ones. */
  async #read(listed) {
    for (let shown = 0; shown < AT_ONCE; ) {
      const { value, done } = await listed.next();
      if (done) return true;
      if (value.isRevoked || this.#rows.some(({ id }) => id === value.id)) continue;
      const row = this.#row(linkOf(value));
      this.#rows.push(row);
      byId("links").append(row.root);
      row.count();
      shown += 1;
    }
    return false;
  }

  #failed(error) {
    byId("links-more").hidden = true;
    if (NO_LIST.includes(error.code)) return; // then only the links of this tab are shown
    this.#listed = null;
    if (error.status === 401) return;
    const more = { lead: "Your links cannot be shown.", keepsFocus: true, onAgain: () => this.#again() };
    showError(byId("links-error"), error, more);
  }

  #again() {
    hideError(byId("links-error"));
    return this.open();
  }

  #row(link) {
    const row = new LinkRow(this.#service, link, () => {
      this.#rows = this.#rows.filter((each) => each !== row);
      this.#show();
      byId(this.#rows.length ? "links-title" : "share-title").focus();
    });
    return row;
  }

  #show() {
    byId("links-title").hidden = !this.#rows.length;
  }

  #count() {
    for (const row of this.#rows) row.count();
  }
}
