// The files to upload: chosen, checked before a byte is sent, and uploaded one after another.

import { MAX_WHOLE_BYTES, limitsOf, mayOverwrite, offers, offersSending } from "./access.js";
import { CodePanel } from "./code_panel.js";
import { byId, element, hideError, showError } from "./elements.js";
import { Item } from "./item.js";
import { uploadCode } from "./snippets.js";

export class FilesPanel {
  #service;
  #items = [];
  #place = { grants: [], bucket: "", folder: "" };
  #isRunning = false;
  #isHalted = false;

  /** `onSent` is called with the bucket and key of each uploaded object. */
  constructor(service, onSent) {
    this.#service = service;
    this.onSent = onSent;
    this.code = new CodePanel(byId("upload-code"), () => this.#codeOfNext());
    byId("files").addEventListener("change", (event) => {
      this.#choose(event.target.files);
      event.target.value = ""; // otherwise the same file could not be chosen again
    });
    byId("overwrite").addEventListener("change", () => this.code.refresh());
    byId("upload-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    this.#takeDrops(byId("drop"));
  }

  get isBusy() {
    return this.#items.some((item) => item.upload?.isUnderWay);
  }

  /** Sets where files go from now on. Uploads that have started keep their destination. */
  aim(place) {
    this.#place = place;
    const { grants, bucket, folder } = place;
    byId("sending").hidden = !offersSending(grants, bucket);
    const limits = limitsOf(grants, bucket, folder);
    const said = limits.length ? limits : ["Your grants do not allow uploads to this folder."];
    byId("limits").replaceChildren(...said.map((line) => element("li", line)));
    const isOffered = ["upload", "multipart"].some((way) => mayOverwrite(grants, way, bucket, `${folder}x`));
    byId("overwriting").hidden = !isOffered;
    for (const item of this.#items) item.aim(place);
    this.code.refresh();
  }

  /** Starts no upload until `goOn`: the token is no longer valid. */
  halt() {
    this.#isHalted = true;
    for (const { upload } of this.#items) upload?.pause();
  }

  goOn() {
    this.#isHalted = false;
    this.#run();
  }

  /** Cancels all unfinished uploads, at the store too, and empties the list. */
  async clear() {
    const left = this.#items.filter(({ upload }) => upload?.isUnderWay || upload?.hasParts);
    await Promise.all(left.map(({ upload }) => upload.cancel()));
    this.discard();
  }

  discard() {
    for (const { upload } of this.#items) upload?.drop();
    this.#items = [];
    byId("items").replaceChildren();
    hideError(byId("upload-error"));
    byId("overwrite").checked = false;
    this.code.clear();
  }

  #takeDrops(zone) {
    const isOver = (value) => (event) => {
      event.preventDefault();
      zone.classList.toggle("over", value);
    };
    zone.addEventListener("dragover", isOver(true));
    zone.addEventListener("dragleave", isOver(false));
    // A file dropped elsewhere would make the browser leave the page.
    for (const name of ["dragover", "drop"])
      addEventListener(name, (event) => event.preventDefault());
    zone.addEventListener("drop", (event) => {
      isOver(false)(event);
      this.#choose(event.dataTransfer.files);
    });
  }

  #choose(files) {
    hideError(byId("upload-error"));
    for (const file of files) {
      const item = new Item(file, (...asked) => this.#act(...asked));
      item.aim(this.#place);
      this.#items.push(item);
      byId("items").append(item.root);
    }
    this.code.refresh();
  }

  #begin() {
    hideError(byId("upload-error"));
    const ready = this.#items.filter((item) => item.isReady);
    if (!ready.length) {
      const refused = this.#items.some((item) => item.reason);
      const words = refused
        ? "None of these files can be uploaded. Each one shows the reason."
        : "Choose a file first.";
      return showError(byId("upload-error"), { message: words });
    }
    const overwrite = !byId("overwriting").hidden && byId("overwrite").checked;
    for (const item of ready) item.begin(this.#service, overwrite, (changed) => this.#noteEnd(changed));
    this.#run();
  }

  #noteEnd({ upload, bucket, key }) {
    if (upload.state === "done") this.onSent(bucket, key);
  }

  async #run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    let next;
    while (!this.#isHalted && (next = this.#items.find((item) => item.isWaiting)))
      await next.upload.run();
    this.#isRunning = false;
  }

  #act(item, what) {
    const { upload } = item;
    if (what === "pause") upload.pause();
    if (what === "cancel") upload.cancel();
    if (what === "replace") upload.overwrite = true;
    if (["resume", "again", "replace"].includes(what)) {
      upload.wait();
      this.#run();
    }
    if (what === "remove") this.#remove(item);
  }

  #remove(item) {
    this.#items = this.#items.filter((each) => each !== item);
    item.root.remove();
    byId("files").focus();
    this.code.refresh();
  }

  /** For the next file to be uploaded or, if none is chosen, for an example. */
  #codeOfNext() {
    const { grants, bucket, folder } = this.#place;
    const chosen = this.#items.find((item) => item.isReady) ?? this.#items.findLast((item) => item.upload);
    const usual = offers(grants, "upload", bucket) ? "upload" : "multipart";
    const { file, key, type, operation } = chosen ?? {};
    const isWhole = operation === undefined || file.size <= MAX_WHOLE_BYTES;
    const name = file?.name ?? "report.pdf";
    return uploadCode({
      base: this.#service.url,
      bucket: chosen?.bucket ?? bucket,
      key: key ?? folder + name,
      name,
      type: type ?? "application/pdf",
      operation: isWhole ? usual : "multipart",
      overwrite: !byId("overwriting").hidden && byId("overwrite").checked,
    });
  }
}
