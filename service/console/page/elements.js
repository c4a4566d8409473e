// What the page shows. Text goes in as text: nothing here, or anywhere in the page, makes HTML of it.

export const byId = (id) => document.getElementById(id);

export function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

export const fromTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** For who does not see the page. */
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
 * What went wrong, in words, and who asked is led to it; `gently`, not out of what they write meanwhile.
 * `lead` is what it means here, where the service's own words are for those who write programs.
 */
export function showError(box, error, { gently = false, lead } = {}) {
  const said = [...(lead ? [element("p", lead)] : []), element("p", error.message)];
  const more = (error.errors ?? []).filter(({ detail }) => detail !== error.message);
  if (more.length) said.push(list(more.map(({ pointer, detail }) => `${pointer.replace(/^#\//, "")}: ${detail}`)));
  if (error.retryAfter < Infinity) said.push(element("p", `Try again in ${error.retryAfter} s.`));
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

/** Browsers have a clipboard for pages that came by https or from this machine; else by a selection. */
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
