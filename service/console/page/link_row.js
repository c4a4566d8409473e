// One link in the list: to copy, to send, as a QR code, and to revoke. When it has expired, its address goes.

import { announce, copy, element, fromTemplate, hideError, inOneLine, showError } from "./elements.js";
import { unlisted } from "./link_words.js";
import { ask } from "./questions.js";
import { dateAndTime, displayName, timeLeft } from "./words.js";

const WARNED = 60; // seconds before the end
const ENDS_BY = {
  grant: ". This is as long as you may share it.",
  session: ". It could not be made to last longer.",
};

export class LinkRow {
  root = fromTemplate("link-template");
  #service;
  #link;
  #onEnd;
  #isWarned;

  /**
   * `link` is the client's, with its `name` and what it is `about`. One without an id cannot be revoked, and one
   * without a URL only that: this sign-in may not make it.
   * `onEnd`: it was revoked.
   */
  constructor(service, link, onEnd) {
    this.#service = service;
    this.#link = link;
    this.#onEnd = onEnd;
    this.#isWarned = this.left <= 2 * WARNED;
    this.#part(".name").textContent = displayName(link.name);
    this.#part(".about").textContent = displayName(link.about ?? "");
    this.#part(".unlisted").textContent = unlisted(link);
    this.#part(".unlisted").hidden = !unlisted(link);
    const field = this.#part("input");
    field.value = link.url ?? "";
    this.#part(".joined").hidden = this.#button("qr").hidden = link.url === undefined;
    field.addEventListener("focus", () => field.select());
    const time = this.#part("time");
    time.dateTime = link.expiresAt.toISOString();
    time.textContent = dateAndTime(link.expiresAt) + (ENDS_BY[link.limitedBy] ?? "");
    this.#button("send").hidden = !navigator.share || link.url === undefined;
    this.#button("revoke").hidden = link.id === undefined;
    const acts = {
      copy: (event) => copy(link.url, event.target),
      send: () => this.#send(),
      qr: () => this.#toggleCode(),
      revoke: () => this.#revoke(),
    };
    for (const [act, run] of Object.entries(acts)) this.#button(act).addEventListener("click", run);
  }

  get id() {
    return this.#link.id;
  }

  get url() {
    return this.#link.url;
  }

  /** Seconds until it expires, by the service's clock. */
  get left() {
    return (this.#link.expiresAt.getTime() - this.#service.now()) / 1000;
  }

  /** Focuses its first button. */
  focus() {
    [...this.root.querySelectorAll("button")].find((each) => each.checkVisibility())?.focus();
  }

  count() {
    const timer = this.#part("[role=timer]");
    if (this.root.dataset.state === "over") return;
    if (this.left <= 0) return this.#expire();
    timer.textContent = `Expires in ${timeLeft(this.left)}`;
    if (this.#isWarned || this.left > WARNED) return;
    this.#isWarned = true;
    announce(`The link to ${this.#link.name} expires in ${timeLeft(this.left)}.`);
  }

  #part(selector) {
    return this.root.querySelector(selector);
  }

  #button(act) {
    return this.#part(`[data-act=${act}]`);
  }

  #expire() {
    const hadFocus = this.root.contains(document.activeElement);
    this.root.dataset.state = "over";
    this.#part("[role=timer]").textContent = "This link has expired";
    for (const part of this.root.querySelectorAll(".joined, .buttons, .qr, time")) part.remove();
    announce(`The link to ${this.#link.name} has expired.`);
    if (hadFocus) this.root.focus();
  }

  /** Closing the sheet of the system is no error. */
  #send() {
    navigator.share({ title: this.#link.name, url: this.url }).catch(() => {});
  }

  async #toggleCode() {
    const [box, button] = [this.#part(".qr"), this.#button("qr")];
    if (button.ariaBusy === "true") return; // a double click draws one
    button.ariaBusy = "true";
    hideError(this.#part(".error"));
    try {
      if (!box.firstChild) box.append((await import("./qr_image.js")).qrImage(this.url));
    } catch (error) {
      return showError(this.#part(".error"), error);
    } finally {
      button.ariaBusy = null;
    }
    box.hidden = !box.hidden;
    box.scrollIntoView({ block: "nearest" });
    button.ariaExpanded = String(!box.hidden);
    button.textContent = box.hidden ? "Show QR code" : "Hide QR code";
  }

  async #revoke() {
    const isWanted = await isSure(this.#link.name);
    if (this.root.dataset.state === "over") return this.root.focus(); // it has expired meanwhile
    if (!isWanted) return;
    const box = this.#part(".error");
    hideError(box);
    const button = this.#button("revoke");
    button.disabled = true;
    try {
      await this.#service.client.revokeLink(this.#link.id);
      this.root.remove();
      announce("Link revoked.");
      this.#onEnd();
    } catch (error) {
      if (error.status !== 401) showError(box, error, { lead: "The link was not revoked." });
      button.disabled = false;
    }
  }
}

/** Asks before a link is revoked. */
function isSure(name) {
  const [line, hint] = [element("p"), element("p", "It stops working for everybody, for good.", "hint")];
  line.append(inOneLine(name));
  const choices = [
    { name: "Cancel", answer: "", isUsual: true },
    { name: "Revoke", answer: "revoke" },
  ];
  return ask({ title: "Revoke this link?", content: [line, hint], choices });
}
