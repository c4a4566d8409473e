// Shows an object without saving it: images, text, PDF, audio and video. The store sends it as the type that
// its name says, and HTML and SVG are shown as text: nothing that is stored runs in this page.

import { byId, element, errorBox, inOneLine, showError } from "./elements.js";
import { kindOf } from "./file_kinds.js";
import { showModal } from "./modal.js";

const TEXT_BYTES = 256 * 1024;
const LIFETIME = 900; // seconds, for a video that is watched

/** Opens the dialog. `onDownload` is called for its button, and resolves when the download has begun. */
export async function preview(client, { bucket, key, name }, onDownload) {
  const { preview: way, type } = kindOf(name);
  const [dialog, body] = [byId("preview"), byId("preview-body")];
  byId("preview-name").replaceChildren(inOneLine(name));
  body.replaceChildren(element("p", way ? "Loading…" : "There is no preview of this kind of file.", "hint"));
  const closed = new AbortController();
  const { signal } = closed;
  const fail = (error) => signal.aborted || showFailure(body, error);
  byId("preview-download").addEventListener("click", () => onDownload().catch(fail), { signal });
  byId("preview-close").addEventListener("click", () => dialog.close(), { signal });
  showModal(dialog, () => {
    closed.abort();
    byId("preview-name").replaceChildren();
    body.replaceChildren(); // stops a video, and drops the signed URL
  });
  if (!way) return;
  try {
    const asked = { bucket, key, contentType: type, disposition: "inline", expiresIn: LIFETIME, signal };
    const { url } = await client.downloadUrl(asked);
    const shown = await WAYS[way](url, { signal, name, fail });
    if (!signal.aborted) body.replaceChildren(shown);
  } catch (error) {
    fail(error);
  }
}

function showFailure(body, error) {
  const box = errorBox();
  body.replaceChildren(box);
  showError(box, error);
}

const unreadable = () => new Error("This file cannot be shown. Download it to look at it.");

const loaded = (tag, more) => (url, { name, fail }) => {
  const made = Object.assign(element(tag), more);
  made.ariaLabel = name;
  made.addEventListener("error", () => fail(unreadable()));
  made.src = url;
  return made;
};

const WAYS = {
  image: loaded("img"),
  video: loaded("video", { controls: true }),
  audio: loaded("audio", { controls: true }),
  /** Chromium shows no PDF in a sandboxed frame. The frame's origin is the store's, and the type was checked. */
  async pdf(url, { signal, name }) {
    const answer = await fetch(url, { signal, credentials: "omit", redirect: "error" });
    await answer.body.cancel();
    if (!answer.ok || answer.headers.get("content-type") !== "application/pdf") throw unreadable();
    const made = element("iframe");
    made.title = name;
    made.src = url;
    return made;
  },
  async text(url, { signal }) {
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
