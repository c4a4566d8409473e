// The files that are uploaded: chosen or dropped, checked before a byte is sent, and sent in parallel.

import { NOWHERE, UNKNOWN_TYPE, limitsOf, may, mayOverwrite, nameOf, offersSending, uploadWay } from "./access.js";
import { CodePanel } from "./code_panel.js";
import { KEEP_BOTH, REPLACE, SKIP } from "./conflicts.js";
import { announce, byId, element, showError } from "./elements.js";
import { FileChooser } from "./file_chooser.js";
import { UnfinishedUploads } from "./unfinished_uploads.js";
import { Upload } from "./upload.js";
import { codeOfUpload } from "./upload_code.js";
import { UploadConflicts, freeKey } from "./upload_conflicts.js";
import { UploadQueue } from "./upload_queue.js";
import { UploadRow } from "./upload_row.js";
import { UploadTotals } from "./upload_totals.js";
import { counted } from "./words.js";

const MOST_NAMES = 20; // that are tried when one is taken, where the folder cannot be listed
const SKIPPED_MS = 5000; // that a file which was skipped on purpose is still shown

export class UploadsPanel {
  #service;
  #share;
  #onSent;
  #isThere;
  #conflicts;
  #rows = [];
  #place = NOWHERE;
  #queue = new UploadQueue();
  #totals = new UploadTotals();
  #unfinished = new UnfinishedUploads();
  #chooser;
  #halted = []; // uploads that only a new sign-in resumes

  /**
   * `onSent` is called with each uploaded object, `{bucket, key, size, etag}`. `isThere(bucket, key)` returns whether a
   * key is known to be taken.
   */
  constructor(service, share, { onSent, isThere }) {
    this.#service = service;
    this.#share = share;
    this.#onSent = onSent;
    this.#isThere = isThere;
    this.#conflicts = new UploadConflicts(() => this.#rows, {
      [REPLACE]: (row) => this.#replace(row),
      [KEEP_BOTH]: (row) => this.#keepBoth(row),
      [SKIP]: (row) => this.#skip(row),
    });
    this.code = new CodePanel(byId("upload-code"), () => {
      const last = this.#rows.findLast((row) => row.upload);
      return codeOfUpload(service.url, this.#place, last, byId("overwrite").checked);
    });
    this.#chooser = new FileChooser({
      openPlace: () => this.#place,
      folderName: () => (this.#canSend ? nameOf(this.#place) : null),
      onFiles: (files, target) => this.#add(files, target),
    });
    byId("overwrite").addEventListener("change", () => this.code.refresh());
    byId("pause-all").addEventListener("click", () => this.#pauseAll());
    byId("resume-all").addEventListener("click", () => this.#againAll("paused"));
    byId("try-all").addEventListener("click", () => this.#againAll("failed"));
    byId("clear-finished").addEventListener("click", () => this.#dismiss(this.#rows.filter((row) => row.isFinished)));
  }

  get isBusy() {
    return this.#rows.some((row) => row.isActive);
  }

  /** Lists what the caller left unfinished in an earlier tab. */
  async enter(caller) {
    this.#unfinished.enter(caller);
    for (const { bucket, key, path, size } of await this.#unfinished.list())
      if (!this.#rows.some((row) => row.bucket === bucket && row.key === key)) this.#append({ bucket, key, path, size });
    this.#totals.show(this.#rows);
  }

  /** Sets where files go from now on. Uploads that have started keep their destination. */
  setDestination(place) {
    this.#place = place;
    const { grants, bucket, folder } = place;
    const sends = bucket !== null && offersSending(grants, bucket);
    for (const id of ["upload", "choose-folder", "new-folder"]) byId(id).hidden = !sends;
    byId("limits").replaceChildren(...(sends ? limitsOf(grants, bucket, folder) : []).map((line) => element("li", line)));
    const isOffered = ["upload", "multipart"].some((way) => mayOverwrite(grants, way, bucket, `${folder}x`));
    byId("overwriting").hidden = !isOffered;
    byId("upload-code").hidden = !sends;
    this.code.refresh();
  }

  /** Sends nothing until `resume`: the token is no longer valid. */
  suspend() {
    this.#queue.suspend();
    const halted = this.#rows.filter(({ upload }) => upload?.isActive && upload.state !== "paused");
    for (const { upload } of halted) upload.halt();
    this.#halted.push(...halted); // those of before stay: a mistyped key suspends again
  }

  resume() {
    for (const row of this.#halted) if (row.state === "paused") this.#again(row);
    this.#halted = [];
    this.#queue.resume();
  }

  /** Cancels all unfinished uploads of this tab, at the store too. */
  async cancelAll() {
    const left = this.#rows.filter(({ upload }) => upload?.isActive || upload?.hasParts);
    await Promise.all(left.map(({ upload }) => upload.cancel()));
  }

  clear() {
    for (const { upload } of this.#rows) upload?.drop();
    this.#rows = [];
    this.#halted = [];
    this.#queue.clear();
    this.#chooser.clear();
    this.#unfinished.leave();
    byId("uploads").replaceChildren();
    byId("overwrite").checked = false;
    this.code.clear();
    this.setDestination(NOWHERE);
    this.#totals.show(this.#rows);
  }

  get #canSend() {
    const { grants, bucket } = this.#place;
    return bucket !== null && offersSending(grants, bucket) && !byId("workspace").hidden;
  }

  /** Where no folder is open, only the interrupted upload that was resumed can go on: its row knows where to. */
  #add(files, { place, resumed = null }) {
    const sent = place.bucket === null ? files.filter(({ file }) => resumed?.waitsFor(file)) : files;
    if (sent.length < files.length) showError(byId("files-error"), new Error("Open a folder first."));
    const begin = (each) => this.#begin(each.file, each.path, place, { earlier: this.#earlier(each, place, resumed) });
    const uploads = sent.map((each) => begin(each).upload);
    this.#queue.add(...uploads.filter(Boolean));
    this.#totals.show(this.#rows);
    if (sent.length) announce(`${counted(sent.length, "file")} chosen.`);
  }

  /** The interrupted row that a file goes on with: the one to resume, or that of the same key. */
  #earlier({ file, path }, { bucket, folder }, resumed) {
    if (resumed?.waitsFor(file)) return resumed;
    return this.#rows.find((row) => row.waitsFor(file) && row.bucket === bucket && row.key === folder + path);
  }

  /** Begins the upload of a file, or resumes the one that an earlier tab began. */
  #begin(file, path, { grants, bucket, folder }, { earlier, overwrite = true }) {
    const target = earlier ?? { bucket, key: folder + path };
    const type = file.type || UNKNOWN_TYPE;
    const isActive = this.#rows.some((row) => row.isActive && row.bucket === target.bucket && row.key === target.key);
    const { operation, reason } = isActive
      ? { reason: "A file with this name is being uploaded already." }
      : uploadWay(grants, target.bucket, target.key, { size: file.size, type });
    if (earlier) this.#remove(earlier);
    const row = this.#append({ bucket: target.bucket, key: target.key, path: earlier?.path ?? path, size: file.size, reason });
    row.mayOverwrite = !reason && mayOverwrite(grants, operation, row.bucket, row.key);
    row.mayShare = ["link", "download"].some((way) => may(grants, way, row.bucket, row.key));
    if (!reason) {
      const { bucket: to, key, size } = row;
      row.upload = new Upload({
        ...{ service: this.#service, file, bucket: to, key, type, operation },
        overwrite: overwrite && byId("overwrite").checked && row.mayOverwrite,
        resume: this.#unfinished.storage({ bucket: to, key, path: row.path, size }),
        onChange: () => this.#noteChange(row),
      });
    }
    row.show();
    return row;
  }

  #append(facts) {
    const row = new UploadRow(facts, (...asked) => this.#act(...asked));
    this.#rows.push(row);
    byId("uploads").insertBefore(row.root, byId("uploads").querySelector("[data-state=done]"));
    row.show();
    return row;
  }

  #remove(row) {
    this.#rows = this.#rows.filter((each) => each !== row);
    row.root.remove();
  }

  #noteChange(row) {
    if (row.state === row.root.dataset.state) return this.#totals.showSoon(row, () => this.#rows);
    row.show();
    if (row.state === "done") this.#onSent({ ...row.upload.target, size: row.size, etag: row.upload.etag });
    if (row.isTaken && row.tries > 0 && row.tries < MOST_NAMES) return this.#keepBoth(row);
    this.#arrange(row);
    this.#conflicts.consider();
    this.#totals.showSoon(row, () => this.#rows);
  }

  /** Among hundreds what failed is first, and what is done is last. A row that moved would lose the focus. */
  #arrange({ root, state }) {
    if (root.contains(document.activeElement)) return;
    if (state === "failed") byId("uploads").prepend(root);
    if (state === "done") byId("uploads").append(root);
  }

  #act(row, what) {
    const { upload } = row;
    if (what === "pause") upload.pause();
    if (what === "cancel") upload ? upload.cancel() : this.#cancelEarlier(row);
    if (what === "replace") this.#replace(row);
    if (what === "keep") this.#keepBoth(row);
    if (what === "resume" && !upload) this.#chooser.askFor(row);
    else if (["resume", "again"].includes(what)) this.#again(row);
    if (what === "link") this.#copyLink(row);
    if (what === "dismiss") this.#dismiss([row]);
    this.#totals.show(this.#rows);
  }

  async #copyLink(row) {
    if (row.isCopying) return; // a double click makes one link
    row.isCopying = true;
    await this.#share.copyLink(row.bucket, row.key).catch(showFailure);
    row.isCopying = false;
  }

  /** Aborts, at the store too, an upload whose file this tab does not have. */
  async #cancelEarlier(row) {
    const { bucket, key } = row;
    try {
      await this.#service.client.abortUpload({ bucket, key, resume: this.#unfinished.storage({}) });
      this.#remove(row);
      this.#totals.show(this.#rows);
    } catch (error) {
      showFailure(error);
    }
  }

  #replace(row) {
    row.upload.overwrite = true;
    this.#again(row);
  }

  /** Uploads the file under a name of its own: it replaces nothing, even if somebody takes that name meanwhile. */
  #keepBoth(row) {
    const { upload, bucket, key } = row;
    const isOurs = (other) => this.#rows.some((each) => each.bucket === bucket && each.key === other);
    const folder = key.slice(0, key.length - row.path.length);
    const free = freeKey(key, (other) => this.#isThere(bucket, other) || isOurs(other)).slice(folder.length);
    const beside = this.#begin(upload.file, free, { ...this.#place, bucket, folder }, { overwrite: false });
    beside.tries = row.tries + 1;
    if (beside.upload) this.#queue.add(beside.upload);
    if (row.root.contains(document.activeElement)) beside.focus();
    upload.giveUp();
    this.#remove(row);
    this.#totals.show(this.#rows);
  }

  #again({ upload }) {
    upload.wait();
    this.#queue.add(upload);
  }

  #againAll(state) {
    for (const row of this.#rows) if (row.state === state && !row.upload.found) this.#again(row);
  }

  #pauseAll() {
    for (const { upload } of this.#rows) upload?.pause();
  }

  #skip(row) {
    row.upload.skip();
    setTimeout(() => this.#dismiss([row]), SKIPPED_MS);
  }

  #dismiss(rows) {
    const focused = document.activeElement;
    for (const row of rows) this.#remove(row);
    this.#totals.show(this.#rows);
    if (!focused.checkVisibility()) byId("where").focus();
  }
}

function showFailure(error) {
  if (error.status !== 401) showError(byId("files-error"), error, { gently: true });
}
