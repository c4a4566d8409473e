// What a signed-in caller sees: the open folder, and the panels that follow it.

import { startOf } from "./access.js";
import {
  addressOf,
  addressedPlace,
  goTo,
  hasAddress,
  isAddressed,
  rewriteAddress,
  watchAddress,
} from "./addresses.js";
import { DiagnosisPanel } from "./diagnosis_panel.js";
import { announce, byId, element } from "./elements.js";
import { FilesPanel } from "./files_panel.js";
import { showGrants } from "./grants_panel.js";
import { offerKeys } from "./keys_card.js";
import { closeMenu } from "./menu.js";
import { offerNewFolder } from "./new_folder.js";
import { ask } from "./questions.js";
import { SharePanel } from "./share_panel.js";
import { notify } from "./toasts.js";
import { offerTools, showCode } from "./tools.js";
import { UploadsPanel } from "./uploads_panel.js";

export class Workspace {
  #service;
  #caller = null;
  #place = null;
  #isIn = false; // and not waiting for a new sign-in
  #made = null; // the address of the folder that was made last, which exists only once it has a file

  constructor(service) {
    this.#service = service;
    this.share = new SharePanel(service);
    this.files = new FilesPanel(service, this.share);
    this.uploads = new UploadsPanel(service, this.share, {
      onSent: (sent) => this.#noteSent(sent),
      isThere: (bucket, key) => this.files.has(bucket, key),
    });
    this.diagnosis = new DiagnosisPanel(service);
    offerNewFolder((name) => this.#make(name));
    offerTools(() => this.diagnosis.isOffered);
    offerKeys();
    watchAddress(() => this.#isIn && this.#follow());
    // A grant may have been withdrawn: what the page offers follows.
    service.onForbidden = () => this.#refreshGrants();
  }

  get isBusy() {
    return this.uploads.isBusy || this.files.isBusy;
  }

  enter(caller) {
    const before = this.#caller;
    const isAnother = before && (before.subject !== caller.subject || before.issuer !== caller.issuer);
    if (isAnother) this.clear();
    this.#caller = caller;
    showGrants(caller);
    this.diagnosis.offer();
    this.#isIn = true;
    this.#follow();
    this.uploads.enter(caller);
    this.uploads.resume();
  }

  /** Opens what the page's address names, or what the caller begins with. */
  #follow() {
    const named = addressedPlace();
    const { bucket, folder } = named ?? startOf(this.#caller.grants);
    if (!named && hasAddress()) notify("The address that you opened leads to no folder.");
    if (!isAddressed({ bucket, folder })) rewriteAddress({ bucket, folder });
    this.#open({ bucket, folder });
  }

  #make(name) {
    const place = { ...this.#place, folder: `${this.#place.folder}${name}/` };
    this.#made = addressOf(place);
    goTo(place);
  }

  /** Opens a folder of a bucket. Without a bucket: the list of the buckets. */
  #open({ bucket, folder }) {
    this.#place = { bucket, folder };
    const { grants } = this.#caller;
    const place = { grants, bucket, folder, isNew: this.#made === addressOf({ bucket, folder }) };
    this.uploads.setDestination(place);
    this.share.setDestination(place);
    this.files.open(place);
    byId("where").focus();
  }

  /** The token is no longer valid: nothing is sent until somebody signs in. */
  suspend() {
    this.#isIn = false;
    closeMenu();
    this.uploads.suspend();
    this.files.suspend();
  }

  /** Asks before a sign-out that would cancel something. */
  async mayBeLeft() {
    if (!this.isBusy) return true;
    const content = [element("p", "Files are still being uploaded or moved. Signing out cancels that.")];
    const choices = [
      { name: "Stay", answer: "", isUsual: true },
      { name: "Cancel and sign out", answer: "leave" },
    ];
    return (await ask({ title: "Sign out?", content, choices })) === "leave";
  }

  /** Cancels all unfinished uploads, at the store too. */
  cancelUploads() {
    return this.uploads.cancelAll();
  }

  clear() {
    this.#caller = null;
    this.#place = null;
    this.#isIn = false;
    this.#made = null;
    rewriteAddress(null);
    for (const panel of [this.uploads, this.files, this.share, this.diagnosis]) panel.clear();
    showGrants({ grants: [] });
    showCode(false);
    closeMenu();
    announce(""); // it may have had a name
  }

  #noteSent(sent) {
    this.files.noteSent(sent);
    this.share.noteSent(sent.bucket, sent.key);
  }

  async #refreshGrants() {
    const caller = await this.#service.client.caller().catch(() => null);
    if (!caller || accessOf(caller) === accessOf(this.#caller)) return;
    this.#caller = caller;
    showGrants(caller);
    const place = { grants: caller.grants, ...this.#place };
    this.uploads.setDestination(place);
    this.share.setDestination(place);
    this.files.refresh(place);
  }
}

function accessOf({ grants, matched }) {
  return JSON.stringify([grants, matched]);
}
