// Elements of the page. Text is inserted as text: nothing in the page turns it into HTML.

import { inWords } from "./error_words.js";

export const byId = (id) => document.getElementById(id);

export function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

export const fromTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** Announces `words` to a screen reader. */
export function tell(words) {
  byId("status").textContent = words;
}

export function showOptions(list, values) {
  list.replaceChildren(
    ...values.map((value) => {
      const option = element("option");
      option.value = value;
      return option;
    }),
  );
}

/**
 * Shows an error and moves the focus to it; `gently`, only if nobody is typing.
 * `lead` says what it means here, because the service's own text is meant for programmers.
 */
export function showError(box, failure, { gently = false, lead } = {}) {
  const error = inWords(failure);
  const said = [...(lead ? [element("p", lead)] : []), element("p", error.message)];
  const more = (error.errors ?? []).filter(({ detail }) => detail !== error.message);
  if (more.length) said.push(list(more.map(({ pointer, detail }) => `${pointer.replace(/^#\//, "")}: ${detail}`)));
  if (error.retryAfter) said.push(element("p", `Try again in ${error.retryAfter} s.`));
  if (error.cors) said.push(copyable(error.cors));
  if (error.requestId) said.push(element("p", `Request ${error.requestId}`, "hint"));
  box.replaceChildren(...said);
  box.hidden = false;
  if (!gently || !isWriting(document.activeElement)) box.focus();
}

export function hideError(box) {
  box.hidden = true;
  box.replaceChildren();
}

const isWriting = (active) => Boolean(active?.matches("input:not([type=file]), textarea"));

function list(lines) {
  const made = element("ul");
  made.append(...lines.map((line) => element("li", line)));
  return made;
}

function copyable(text) {
  const made = element("div", undefined, "copyable");
  const code = element("pre", text);
  code.tabIndex = 0;
  const button = element("button", "Copy");
  button.type = "button";
  button.addEventListener("click", () => copy(text, button));
  made.append(code, button);
  return made;
}

export async function copy(text, button) {
  const done = (await toClipboard(text)) ? "Copied" : "Not copied";
  tell(`${done}.`);
  const name = button.textContent;
  if (name.endsWith("opied")) return;
  button.textContent = done;
  setTimeout(() => (button.textContent = name), 1500);
}

/** Browsers offer the clipboard only over https and on localhost; elsewhere a selection is copied. */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = element("textarea", text, "unseen");
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}
