// All uploads together: how many, how much, how fast, and the buttons for all of them.

import { announce, byId } from "./elements.js";
import { TransferRate } from "./transfer_rate.js";
import { UploadDock } from "./upload_dock.js";
import { bytes, counted, duration, percent } from "./words.js";

const LEFT_OUT = ["cancelled", "skipped"];
const NOT_SENT = ["failed", "refused"];
const OVER = ["done", ...LEFT_OUT];
const REDRAW_MS = 100; // each of hundreds of files reports its own progress

export class UploadTotals {
  #rate = new TransferRate();
  #dock = new UploadDock();
  #timer = null;
  #wasActive = false;
  #moved = new Set(); // rows whose progress is not drawn yet

  /** Draws the progress of `row` together with that of all: what the page says at one moment agrees. */
  showSoon(row, rows) {
    this.#moved.add(row);
    this.#timer ??= setTimeout(() => this.show(rows()), REDRAW_MS);
  }

  show(rows) {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const row of rows) if (this.#moved.has(row)) row.show();
    this.#moved.clear();
    const begun = rows.filter((row) => row.upload && !LEFT_OUT.includes(row.state));
    const [size, sent] = ["size", "sent"].map((what) => begun.reduce((all, row) => all + row[what], 0));
    const isSending = begun.some(({ state }) => state === "sending");
    if (isSending) this.#rate.note(performance.now(), sent);
    else this.#rate.reset();
    const hasTrouble = rows.some((row) => NOT_SENT.includes(row.state) && !row.isTaken);
    this.#dock.show({ isThere: rows.length > 0, hasTrouble, isOver: rows.every(({ state }) => OVER.includes(state)) });
    byId("uploading-title").textContent = title(rows, begun);
    byId("uploading-rate").textContent = progressInWords(size, sent, isSending ? this.#rate.perSecond : null);
    byId("total").value = size ? sent / size : Number(begun.length > 0);
    showButtons(rows);
    this.#announceEnd(begun.some((row) => row.isActive), rows);
  }

  /** Once for all files: a screen reader that spoke of each of hundreds would speak of nothing else. */
  #announceEnd(isActive, rows) {
    if (this.#wasActive && !isActive && rows.length) announce(`${byId("uploading-title").textContent}.`);
    this.#wasActive = isActive;
  }
}

function showButtons(rows) {
  const isMany = (state) => rows.filter((row) => row.state === state && !row.upload.found).length > 1;
  byId("pause-all").hidden = rows.filter(({ upload }) => upload?.canPause).length < 2;
  byId("resume-all").hidden = !isMany("paused");
  byId("try-all").hidden = !isMany("failed");
  byId("clear-finished").hidden = !rows.some((row) => row.isFinished);
}

function title(rows, begun) {
  const of = (...states) => rows.filter((row) => states.includes(row.state)).length;
  const done = of("done");
  const said = [];
  if (begun.some((row) => row.isActive)) said.push(`${done} of ${counted(begun.length, "file")} uploaded`);
  else if (done) said.push(`${counted(done, "file")} uploaded`);
  const more = { "not uploaded": of(...NOT_SENT), skipped: of("skipped"), cancelled: of("cancelled") };
  for (const [what, count] of Object.entries(more)) if (count) said.push(`${counted(count, "file")} ${what}`);
  return said.join(", ") || "Unfinished uploads";
}

function progressInWords(size, sent, perSecond) {
  if (!size) return "";
  if (sent === size) return bytes(size);
  const done = `${percent(sent, size)} of ${bytes(size)}`;
  if (!perSecond) return done;
  return `${done} · ${bytes(Math.round(perSecond))}/s · ${duration((size - sent) / perSecond)} left`;
}
