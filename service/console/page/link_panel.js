// A download link. Its lifetime is counted down by the service's clock; then the link is removed.

import { invalidKey, longest, may, offers } from "./access.js";
import { CodePanel } from "./code_panel.js";
import { byId, copy, hideError, showError, showOptions, tell } from "./elements.js";
import { linkCode } from "./snippets.js";
import { duration, fileName } from "./words.js";

const USUAL = 900;
const OFFERED = [60, 300, USUAL, 3600, 4 * 3600, 86400, 604800];
const MOST = 604800; // the longest lifetime of a signature, in seconds
const WARNED = 60; // seconds before the end

export class LinkPanel {
  #service;
  #place = { grants: [], bucket: "", folder: "" };
  #sent = [];
  #asking = new AbortController(); // a response that arrives after an abort is not shown
  #ends = null;
  #warned = false;

  constructor(service) {
    this.#service = service;
    this.code = new CodePanel(byId("link-code"), () => this.#codeNow());
    byId("link-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
    byId("object").addEventListener("input", () => this.#refresh());
    byId("lifetime").addEventListener("change", () => this.code.refresh());
    byId("link-copy").addEventListener("click", (event) => copy(byId("link-url").value, event.currentTarget));
    byId("link-url").addEventListener("focus", (event) => event.target.select());
    setInterval(() => this.#count(), 500);
  }

  aim(place) {
    if (place.bucket !== this.#place.bucket) this.#forget();
    this.#place = place;
    byId("linking").hidden = !offers(place.grants, "download", place.bucket);
    showOptions(byId("objects"), this.#sent.filter(([bucket]) => bucket === place.bucket).map(([, key]) => key));
    this.#refresh();
  }

  /** Offers an uploaded object, which people most likely want to share. */
  noteSent(bucket, key) {
    this.#sent.push([bucket, key]);
    if (bucket !== this.#place.bucket) return;
    if (document.activeElement !== byId("object")) byId("object").value = key;
    this.aim(this.#place);
  }

  clear() {
    this.#sent = [];
    showOptions(byId("objects"), []);
    byId("object").value = "";
    this.code.clear();
    this.#forget();
  }

  #refresh() {
    this.#offerLifetimes();
    this.code.refresh();
  }

  /** By the grants on this object or, while none is named, by all grants on the bucket. */
  #offerLifetimes() {
    const { grants, bucket } = this.#place;
    const limit = longest(grants, "download", bucket, byId("object").value, MOST) || this.#longestOfAll();
    const offered = [...new Set([...OFFERED.filter((seconds) => seconds < limit), limit])];
    const list = byId("lifetime");
    const before = Number(list.value) || USUAL;
    list.replaceChildren(...offered.map((seconds) => new Option(duration(seconds), String(seconds))));
    list.value = String(offered.findLast((seconds) => seconds <= before) ?? offered[0]);
  }

  #longestOfAll() {
    const { grants, bucket } = this.#place;
    const limits = grants
      .filter((grant) => grant.bucket === bucket && grant.allow.includes("download"))
      .map((grant) => grant.max_expires_in ?? MOST);
    return Math.max(1, ...limits);
  }

  get #asked() {
    const key = byId("object").value;
    const { bucket } = this.#place;
    return { bucket, key, expires_in: Number(byId("lifetime").value), filename: fileName(key) };
  }

  async #make() {
    hideError(byId("link-error"));
    this.#forget();
    const button = byId("link-form").querySelector("button");
    button.disabled = true;
    const { signal } = this.#asking;
    try {
      this.#show(await this.#signed(this.#asked, signal));
    } catch (error) {
      if (error.status !== 401 && !signal.aborted) showError(byId("link-error"), error);
    }
    button.disabled = false;
  }

  async #signed(asked, signal) {
    const { grants } = this.#place;
    const { bucket, key } = asked;
    const wrong = key ? invalidKey(key) : "Name the object to share.";
    if (wrong) throw new Error(wrong);
    if (!may(grants, "download", bucket, key))
      throw new Error("Your grants do not let you download an object with this name.");
    const onWait = (seconds) => seconds && tell(`Waiting ${duration(seconds)}, as the service requested.`);
    if (may(grants, "check", bucket, key)) {
      const { found } = await this.#service.post("object-checks", { bucket, key }, { signal, onWait });
      if (!found) throw new Error("The bucket has no object with this name.");
    }
    return this.#service.post("download-urls", asked, { signal, onWait });
  }

  #show({ url, expires_at: expiresAt, limited_by: limitedBy }) {
    this.#ends = Date.parse(expiresAt);
    this.#warned = this.#left <= 2 * WARNED;
    byId("link-url").value = url;
    byId("link-open").href = url;
    const until = new Date(this.#ends).toLocaleString();
    const why = {
      grant: " This is the longest lifetime that your grant allows.",
      session: " The session that signed it ends then.",
    };
    byId("link-until").textContent = `(${until}).${why[limitedBy] ?? ""}`;
    byId("link-live").hidden = false;
    byId("link-result").hidden = false;
    this.#count();
    tell(`The link is ready. ${byId("link-left").textContent}.`);
    byId("link-copy").focus();
  }

  get #left() {
    return (this.#ends - this.#service.now()) / 1000;
  }

  #count() {
    if (this.#ends === null) return;
    if (this.#left <= 0) return this.#end();
    byId("link-left").textContent = `Expires in ${duration(this.#left)}`;
    if (this.#warned || this.#left > WARNED) return;
    this.#warned = true;
    tell(`The link expires in ${duration(this.#left)}.`);
  }

  #end() {
    const hadFocus = byId("link-live").contains(document.activeElement);
    this.#drop();
    byId("link-left").textContent = "This link has expired";
    tell("The link has expired.");
    if (hadFocus) byId("link-form").querySelector("button").focus();
  }

  #drop() {
    this.#ends = null;
    byId("link-url").value = "";
    byId("link-open").removeAttribute("href");
    byId("link-live").hidden = true;
  }

  #forget() {
    this.#asking.abort();
    this.#asking = new AbortController();
    this.#drop();
    byId("link-result").hidden = true;
    hideError(byId("link-error"));
  }

  #codeNow() {
    const { bucket, key, expires_in: expiresIn, filename } = this.#asked;
    const isNamed = key && !invalidKey(key);
    const named = isNamed ? key : `${this.#place.folder}report.pdf`;
    const saved = isNamed ? filename : "report.pdf";
    return linkCode({ base: this.#service.url, bucket, key: named, expiresIn, filename: saved });
  }
}
