// The page of a drop box: sends each chosen file to the store, a few at a time.

import { Retries } from "./client/retries.js";
import { send } from "./client/store.js";
import { announce, byId, element, fromTemplate, hideError, showError } from "./elements.js";
import { NamedUpload, SentNames, safeSender } from "./sent_names.js";
import { bytes, displayName, percent } from "./words.js";

const PARALLEL = 3;
const WORDS = {
  waiting: "Waiting",
  done: "Sent",
  cancelled: "Cancelled",
  failed: "Not sent",
  refused: "Not sent",
};
const KINDS = {
  "application/pdf": "PDF",
  "audio/*": "audio",
  "image/*": "images",
  "text/plain": "plain text",
  "video/*": "videos",
};
const input = byId("files");
const most = Number(input.dataset.most);
/** What a refusal means here: the service's own text is for programmers. */
const REFUSALS = {
  404: "This link no longer works. Ask the person who sent it to you for a new one.",
  410: "This link has expired. Ask the person who sent it to you for a new one.",
  413: `This file is too large. Each file may have up to ${bytes(most)}.`,
  415: "Files of this type are not accepted here.",
  429: "Too many files are being sent. Wait a minute, then try again.",
  503: "The service cannot answer now. Wait a minute, then try again.",
};

const ONCE = new Retries({ tries: 1 });
const names = new SentNames();
const waiting = [];
let running = 0;

class Item {
  #controller = new AbortController();
  #sent = 0;
  #upload;
  #sender;
  state = "waiting";

  constructor(file) {
    this.file = file;
    this.#sender = safeSender(byId("sender").value); // a second try has the same folder
    this.#upload = new NamedUpload(names, file.name);
    this.root = fromTemplate("item-template");
    this.#part(".name").textContent = displayName(file.name);
    this.#part(".size").textContent = bytes(file.size);
    this.#part("progress").ariaLabel = displayName(file.name);
    this.#part("[data-act=again]").addEventListener("click", () => this.#again());
    this.#part("[data-act=cancel]").addEventListener("click", () => this.#cancel());
    this.#become("waiting");
  }

  async run() {
    if (this.state !== "waiting") return;
    this.#become("sending");
    try {
      const { signal } = this.#controller;
      const onProgress = (sent) => {
        this.#sent = sent;
        this.#show();
      };
      await this.#send({ signal, onProgress });
      this.#become("done");
    } catch (error) {
      if (this.state === "cancelled") return;
      this.#become(error.isFinal ? "refused" : "failed");
      showError(this.#part(".error"), error, { gently: true });
    }
  }

  #send(options) {
    return this.#upload.run(
      (name) => signed(this.file, { name, sender: this.#sender || undefined }, options.signal),
      (request) => ONCE.run(() => send(request, this.file, options)),
    );
  }

  #again() {
    hideError(this.#part(".error"));
    this.#controller = new AbortController();
    this.#sent = 0;
    this.#become("waiting");
    this.root.focus();
    add(this);
  }

  #cancel() {
    this.#become("cancelled");
    this.#controller.abort();
    this.root.focus();
  }

  #become(state) {
    this.state = state;
    this.root.dataset.state = state;
    this.#show();
    if (state in WORDS && state !== "waiting") announce(`${this.file.name}: ${WORDS[state]}.`);
    showDone();
  }

  #show() {
    const { size } = this.file;
    const done = `Sending · ${percent(this.#sent, size)} · ${bytes(this.#sent)} of ${bytes(size)}`;
    this.#part(".state").textContent = WORDS[this.state] ?? done;
    const bar = this.#part("progress");
    bar.hidden = this.state !== "sending";
    bar.value = size ? this.#sent / size : 0;
    this.#offer("again", ["failed", "cancelled"]);
    this.#offer("cancel", ["waiting", "sending"]);
    this.#part(".buttons").hidden = ["done", "refused"].includes(this.state);
  }

  #offer(act, states) {
    this.#part(`[data-act=${act}]`).hidden = !states.includes(this.state);
  }

  #part(selector) {
    return this.root.querySelector(selector);
  }
}

/** Returns what the service signed for a file: a new key, this length and this type. */
async function signed(file, names, signal) {
  if (file.size > most) throw refusal(413);
  const answer = await ask(file, names, signal);
  if (answer.ok) return answer.json();
  if (answer.status in REFUSALS) throw refusal(answer.status);
  const problem = await answer.json().catch(() => ({})); // a proxy answers without JSON
  const text = problem.detail ?? `The service failed (${answer.status}).`;
  throw Object.assign(new Error(text), { requestId: problem.request_id });
}

function refusal(status) {
  return Object.assign(new Error(REFUSALS[status]), { isFinal: [413, 415].includes(status) });
}

async function ask(file, names, signal) {
  try {
    return await fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        ...names,
        visit: input.dataset.visit,
        content_length: file.size,
        content_type: file.type || "application/octet-stream",
      }),
      signal,
    });
  } catch {
    signal.throwIfAborted();
    throw new Error("The service cannot be reached. Check your connection, then try again.");
  }
}

function add(item) {
  waiting.push(item);
  if (running < PARALLEL) run();
}

async function run() {
  running += 1;
  while (waiting.length) await waiting.shift().run();
  running -= 1;
}

function choose(files) {
  for (const file of files) {
    const item = new Item(file);
    byId("items").append(item.root);
    add(item);
  }
}

const states = () => [...byId("items").children].map(({ dataset }) => dataset.state);
const isBusy = () => states().some((state) => ["waiting", "sending"].includes(state));

/** Once every file has arrived or was given up, and nothing went wrong. */
function showDone() {
  const isDone = states().includes("done") && states().every((state) => ["done", "cancelled"].includes(state));
  byId("done").hidden = !isDone;
  if (isDone) announce(`${byId("status").textContent} ${byId("done").textContent}`);
}

byId("limits").append(element("li", `Up to ${bytes(most)} each`));
if (input.accept) {
  const kinds = input.accept.split(", ").map((type) => KINDS[type] ?? type);
  byId("limits").append(element("li", `Only these types: ${kinds.join(", ")}`));
}
input.addEventListener("change", () => {
  choose(input.files);
  input.value = ""; // otherwise the same file could not be chosen again
});
const zone = byId("drop");
for (const name of ["dragover", "drop"])
  addEventListener(name, (event) => event.preventDefault()); // else the browser leaves the page
zone.addEventListener("dragover", () => zone.classList.add("over"));
zone.addEventListener("dragleave", () => zone.classList.remove("over"));
zone.addEventListener("drop", (event) => {
  zone.classList.remove("over");
  choose(event.dataTransfer.files);
});
addEventListener("beforeunload", (event) => {
  if (isBusy()) event.preventDefault();
});
