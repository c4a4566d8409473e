// Shows an object without saving it: images, text, PDF, audio and video. The store sends it as the type that
// its name says, and HTML and SVG are shown as text: nothing that is stored runs in this page.

import { byId, element, hideError, showError } from "./elements.js";
import { kindOf } from "./file_kinds.js";

const TEXT_BYTES = 256 * 1024;
const LIFETIME = 900; // seconds, for a video that is watched

let close = null; // ends the preview that is open

/** Opens the dialog. `onDownload` is called for its button. */
export async function preview(service, { bucket, key, name }, onDownload) {
  const { preview: way, type } = kindOf(name);
  const dialog = byId("preview");
  byId("preview-name").replaceChildren(element("bdi", name));
  const body = byId("preview-body");
  body.replaceChildren(element("p", way ? "Loading…" : "There is no preview of this kind of file.", "hint"));
  const controller = new AbortController();
  const { signal } = controller;
  close = () => {
    controller.abort();
    body.replaceChildren(); // stops a video, and drops the signed URL
  };
  byId("preview-download").addEventListener("click", onDownload, { signal });
  byId("preview-close").addEventListener("click", () => dialog.close(), { signal });
  dialog.addEventListener("close", close, { signal });
  dialog.showModal();
  if (!way) return;
  try {
    const { url } = await service.post("download-urls", await request(), { signal });
    if (!signal.aborted) body.replaceChildren(await WAYS[way](url, signal, fail));
  } catch (error) {
    if (!signal.aborted) fail(error);
  }

  function request() {
    const lifetime = { expires_in: LIFETIME };
    return { bucket, key, content_type: type, disposition: "inline", ...lifetime };
  }

  function fail(error) {
    const box = element("div", undefined, "error");
    box.tabIndex = -1;
    body.replaceChildren(box);
    hideError(box);
    showError(box, error);
  }
}

const unreadable = () => new Error("This file cannot be shown. Download it to look at it.");

const media = (name) => (url, _signal, fail) => {
  const made = element(name);
  made.controls = true;
  made.src = url;
  made.addEventListener("error", () => fail(unreadable()));
  return made;
};

const WAYS = {
  image(url, _signal, fail) {
    const made = element("img");
    made.alt = "";
    made.src = url;
    made.addEventListener("error", () => fail(unreadable()));
    return made;
  },
  video: media("video"),
  audio: media("audio"),
  pdf(url) {
    const made = element("iframe");
    made.title = "Document";
    made.src = url;
    return made;
  },
  async text(url, signal) {
    const answer = await fetch(url, { signal, credentials: "omit", redirect: "error" });
    if (!answer.ok) throw unreadable();
    const { text, isWhole } = await start(answer.body.getReader());
    const made = element("div");
    const code = element("pre", text);
    code.tabIndex = 0;
    made.append(code);
    if (!isWhole) made.append(element("p", "This is the start of the file.", "hint"));
    return made;
  },
};

/** Reads no more of a long text than is shown. */
async function start(reader) {
  const decoder = new TextDecoder();
  let [text, read] = ["", 0];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return { text: text + decoder.decode(), isWhole: true };
    text += decoder.decode(value, { stream: true });
    read += value.length;
    if (read < TEXT_BYTES) continue;
    await reader.cancel();
    return { text: text.slice(0, TEXT_BYTES), isWhole: false };
  }
}
