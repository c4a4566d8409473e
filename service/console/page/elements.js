// Elements of the page. Text is inserted as text: nothing in the page turns it into HTML.

import { describeError } from "./error_words.js";
import { displayName } from "./words.js";

export const byId = (id) => document.getElementById(id);

export function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** A small button, which sends no form. */
export function button(name, onClick) {
  const made = element("button", name, "small");
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/** A box for `showError`. */
export function errorBox() {
  const made = element("div", undefined, "error");
  Object.assign(made, { tabIndex: -1, hidden: true });
  made.setAttribute("role", "alert");
  return made;
}

/** One of the icons of the page, by its name. It is an ornament: a name is next to it, or on its button. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

const KEPT = 12; // characters at the end, for the ending and what tells files apart
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufefc]/; // such a text is drawn as a whole

/** A name in one line. Where it is too long, its middle is left out. */
export function inOneLine(name) {
  const made = element("bdi", undefined, "one-line");
  const letters = Array.from(displayName(name));
  const at = RIGHT_TO_LEFT.test(name) || letters.length <= 2 * KEPT ? letters.length : -KEPT;
  made.append(element("span", letters.slice(0, at).join("")));
  if (at < 0) made.append(element("span", letters.slice(at).join("")));
  return made;
}

export const fromTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** Announces `words` to a screen reader. */
export function announce(words) {
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
 * Shows an error and moves the focus to it: with `gently`, only if nobody is typing, and never with `keepsFocus`.
 * `lead` says what it means here. `onAgain` is called for the button that tries again.
 */
export function showError(box, failure, { gently = false, keepsFocus = false, lead, onAgain } = {}) {
  const error = describeError(failure);
  const said = [...(lead ? [element("p", lead)] : []), element("p", error.message)];
  if (error.retryAfter) said.push(element("p", `Try again in ${error.retryAfter} s.`));
  if (error.cors) said.push(forOperators(error.cors));
  const buttons = element("div", undefined, "buttons");
  if (onAgain) buttons.append(button("Try again", onAgain));
  // People need not read the id, but who helps them does.
  if (error.requestId) buttons.append(button("Copy details", (event) => copy(details(error), event.target)));
  if (buttons.children.length) said.push(buttons);
  box.replaceChildren(...said);
  box.hidden = false;
  if (!keepsFocus && !(gently && isWriting(document.activeElement))) box.focus();
}

function details({ code, detail, status, message, errors, requestId }) {
  const said = code ? `${status} ${code}: ${detail}` : message;
  const fields = (errors ?? []).map((each) => `${each.pointer}: ${each.detail}`);
  return [said, ...fields, `Request ${requestId}`].join("\n");
}

export function hideError(box) {
  box.hidden = true;
  box.replaceChildren();
}

/** Whether nobody has gone on elsewhere since `before` had the focus. A control that is hidden or disabled loses it. */
export const isStillAt = (before) => [before, document.body].includes(document.activeElement);

/** Whether somebody may be typing there. */
export const isWriting = (active) => Boolean(active?.matches("input:not([type=file]), textarea"));

function forOperators(rule) {
  const made = element("details");
  made.append(element("summary", "For the owner of the bucket"), copyable(rule));
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
  announce(`${done}.`);
  const name = button.textContent;
  if (name.endsWith("opied")) return;
  button.textContent = done;
  setTimeout(() => (button.textContent = name), 1500);
}

/** Browsers offer the clipboard only over https and on localhost; elsewhere a selection is copied. */
export async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = element("textarea", text, "unseen");
    const modals = [...document.querySelectorAll("dialog:modal")]; // what is outside of the last one cannot be selected
    (modals.at(-1) ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}
