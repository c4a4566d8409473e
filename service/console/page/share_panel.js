// Links to files, and to a folder that takes files.

import { NOWHERE, covering, invalidKey, longest, may, nameOf } from "./access.js";
import { CodePanel } from "./code_panel.js";
import { downloadUrl } from "./downloads.js";
import { byId, hideError, isStillAt, showError, showOptions, toClipboard } from "./elements.js";
import { MyLinks } from "./my_links.js";
import { linkCode } from "./snippets.js";
import { showModal } from "./modal.js";
import { notify } from "./toasts.js";
import { fileName, lifetime, timeLeft } from "./words.js";

const MOST_SIGNED = 604800; // seconds: the longest lifetime of a signature
const SIGNED = [60, 300, 900, 3600, 4 * 3600, 86400, MOST_SIGNED];
const LINKED = [3600, 86400, 7 * 86400, 30 * 86400, 90 * 86400, 365 * 86400];
const USUAL_LINKED = 7 * 86400; // what the service gives if nothing is asked for, and its grants' default limit
const USUAL_SIGNED = 900;
const DOWNLOAD_SECONDS = 60;
const OFFERED_KEYS = 20;

export class SharePanel {
  #service;
  #place = NOWHERE;
  #sent = [];
  #links;
  #hasLinks = true; // until the service says that share links are not configured

  constructor(service) {
    this.#service = service;
    this.#links = new MyLinks(service);
    this.code = new CodePanel(byId("link-code"), () => this.#codeNow());
    byId("link-form").addEventListener("submit", (event) => this.#submit(event, () => this.#linkFile()));
    byId("request-form").addEventListener("submit", (event) => this.#submit(event, () => this.#requestFiles()));
    byId("share").addEventListener("click", () => this.#open());
    byId("object").addEventListener("input", () => this.#refresh());
    for (const id of ["lifetime", "request-lifetime"])
      byId(id).addEventListener("change", ({ target }) => {
        target.dataset.chosen = target.value;
        this.code.refresh();
      });
  }

  setDestination(place) {
    if (place.bucket !== this.#place.bucket) byId("object").value = "";
    this.#place = place;
    const { grants, bucket } = place;
    byId("share").hidden = !grants.some(({ allow }) => allow.includes("download") || allow.includes("link"));
    byId("link-form").hidden = bucket === null;
    const keys = this.#sent.filter(([from]) => from === bucket).map(([, key]) => key);
    showOptions(byId("objects"), keys);
    byId("request-folder").textContent = nameOf(place);
    if (this.#hasLinks && grants.some(({ allow }) => allow.includes("link"))) this.#links.open();
    this.#refresh();
  }

  /** Opens the drawer for an object. `onClose` is called when it is closed. */
  choose(key, onClose) {
    byId("object").value = key;
    this.#refresh();
    this.#open(onClose);
    byId("lifetime").focus();
  }

  #open(onClose) {
    showModal(byId("sharing"), onClose);
    byId("share-title").focus();
  }

  /** Offers an uploaded object, which people most likely want to share. */
  noteSent(bucket, key) {
    this.#sent = [...this.#sent.slice(1 - OFFERED_KEYS), [bucket, key]];
    if (bucket !== this.#place.bucket) return;
    if (!byId("sharing").open) byId("object").value = key; // who has it open has chosen
    this.setDestination(this.#place);
  }

  /** Makes a link of the usual lifetime, and copies it. */
  async copyLink(bucket, key) {
    const { ended } = this.#service.client;
    const row = await this.#make({ bucket, key });
    const isCopied = await toClipboard(row.url);
    ended.throwIfAborted(); // the browser may have asked whether the page may copy
    notify(isCopied ? `Link copied. It expires in ${timeLeft(row.left)}.` : "The link could not be copied. Copy it under Share.");
  }

  /** Without `versionId` it is the current version. */
  async download(bucket, key, versionId) {
    const asked = { bucket, key, versionId, expiresIn: DOWNLOAD_SECONDS, filename: fileName(key) };
    const { url } = await downloadUrl(this.#service.client, asked);
    const link = document.createElement("a");
    link.href = url;
    link.target = "_blank"; // what the store refuses must not replace this page
    link.rel = "noopener noreferrer";
    link.click();
  }

  clear() {
    this.#sent = [];
    this.#links.clear();
    for (const id of ["link-form", "request-form"]) byId(id).reset();
    for (const id of ["lifetime", "request-lifetime"]) delete byId(id).dataset.chosen;
    this.setDestination(NOWHERE);
    hideError(byId("link-error"));
    this.code.clear();
  }

  /** Makes a link by `act`, which resolves with its row, and copies it where the browser lets a page do that by itself. */
  async #submit(event, act) {
    event.preventDefault();
    const { ended } = this.#service.client;
    const before = document.activeElement;
    hideError(byId("link-error"));
    const button = event.target.querySelector("[type=submit], .primary");
    button.disabled = true;
    try {
      const row = await act();
      const isCopied = await toClipboard(row.url);
      ended.throwIfAborted();
      notify(`${isCopied ? "Link copied." : "The link is ready."} It expires in ${timeLeft(row.left)}.`);
      if (isStillAt(before)) row.focus();
    } catch (error) {
      if (!ended.aborted) showError(byId("link-error"), error);
    }
    button.disabled = false;
  }

  async #linkFile() {
    const { bucket } = this.#place;
    const key = byId("object").value;
    const wrong = key ? invalidKey(key) : "Choose a file first: its Share button fills this in.";
    if (wrong) throw new Error(wrong);
    const expiresIn = Number(byId("lifetime").value);
    const maxUses = Number(byId("uses").value) || undefined;
    const filename = byId("link-name").value.trim();
    return this.#make({ bucket, key, expiresIn, maxUses, filename, label: words("link-label") });
  }

  async #requestFiles() {
    const { bucket, folder } = this.#place;
    const expiresIn = Number(byId("request-lifetime").value);
    const name = `Files for ${nameOf(this.#place)}`;
    const said = { label: words("request-label"), message: words("request-message") };
    const link = await this.#shareLink(this.#service.client, { bucket, prefix: folder, upload: true, expiresIn, ...said });
    if (!link) throw new Error("Files cannot be requested here. Ask the person who gave you access.");
    return this.#links.add({ ...link, name, about: said.label });
  }

  /** Returns the row of a new link: a share link or, where there is none, a signed URL. */
  async #make({ bucket, key, expiresIn, maxUses, filename, label }) {
    const { client } = this.#service;
    const { grants } = this.#place;
    const isLinked = this.#hasLinks && linkGrants(grants, bucket, key).length > 0;
    if (!isLinked && !may(grants, "download", bucket, key))
      throw new Error("You cannot share this file.");
    if (may(grants, "check", bucket, key)) {
      const { found } = await client.post("object-checks", { bucket, key });
      if (!found) throw new Error("There is no file with this name.");
    }
    const asked = { bucket, key, expiresIn, maxUses, filename: filename || fileName(key), label };
    const made = (isLinked && (await this.#shareLink(client, asked))) || (await downloadUrl(client, asked));
    return this.#links.add({ ...made, name: fileName(key), about: `${bucket}/${key}` });
  }

  /** Returns null if the service is not configured for share links, and offers none from now on. */
  async #shareLink(client, asked) {
    try {
      return await client.link({ ...asked, signal: client.ended });
    } catch (error) {
      if (error.code !== "not_found") throw error;
      this.#hasLinks = false;
      this.#refresh();
      return null;
    }
  }

  #refresh() {
    const { grants, bucket, folder } = this.#place;
    const key = byId("object").value || `${folder}x`;
    const links = this.#hasLinks ? linkGrants(grants, bucket, key) : [];
    byId("uses-field").hidden = byId("label-field").hidden = !links.length;
    if (links.length) offer(byId("lifetime"), LINKED, longestLink(links), USUAL_LINKED);
    else offer(byId("lifetime"), SIGNED, longest(grants, "download", bucket, key, MOST_SIGNED) || USUAL_SIGNED, USUAL_SIGNED);
    const requests = this.#hasLinks && bucket !== null ? linkGrants(grants, bucket, `${folder}x`, "upload") : [];
    byId("requesting").hidden = !requests.length;
    if (requests.length) offer(byId("request-lifetime"), LINKED, longestLink(requests), USUAL_LINKED);
    this.code.refresh();
  }

  #codeNow() {
    const { bucket, folder } = this.#place;
    const named = byId("object").value;
    const key = named && !invalidKey(named) ? named : `${folder}report.pdf`;
    const expiresIn = Math.min(Number(byId("lifetime").value), MOST_SIGNED);
    return linkCode({ base: this.#service.url, bucket, key, expiresIn, filename: fileName(key) });
  }
}

/** What somebody wrote for a link's page: nothing is no words. */
const words = (id) => byId(id).value.trim() || undefined;

/** Grants for share links that also allow `operation`, which the link is for. */
const linkGrants = (grants, bucket, key, operation = "download") =>
  covering(grants, "link", bucket, key).filter(({ allow }) => allow.includes(operation));

const longestLink = (grants) => Math.max(...grants.map((grant) => grant.max_link_expires_in ?? USUAL_LINKED));

/** Offers the lifetimes up to `limit`: selected is what somebody chose before, or the usual one, if not too long. */
function offer(list, lifetimes, limit, usual) {
  const offered = [...new Set([...lifetimes.filter((seconds) => seconds < limit), limit])];
  const before = Number(list.dataset.chosen) || usual;
  list.replaceChildren(...offered.map((seconds) => new Option(lifetime(seconds), String(seconds))));
  list.value = String(offered.findLast((seconds) => seconds <= before) ?? offered[0]);
}
