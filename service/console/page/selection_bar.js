// The line above the list: it selects all, says what is selected, and offers what may be done with all of it.

import { byId, element, icon } from "./elements.js";

export class SelectionBar {
  #all = element("input");
  #words = element("span");
  #buttons = element("div", undefined, "buttons");
  #acts;
  #shown = "";

  /** `acts` are `{act, name, icon, run}`; `onAll` is called with whether all are to be selected. */
  constructor(acts, { onAll, onClear }) {
    this.#acts = acts;
    this.#all.type = "checkbox";
    this.#all.id = "select-all";
    const label = element("label");
    label.htmlFor = this.#all.id;
    label.append(this.#words);
    const line = element("p", undefined, "check");
    line.append(this.#all, label);
    this.#all.addEventListener("change", () => (this.#all.checked ? onAll() : onClear()));
    byId("selecting").append(line, this.#buttons);
  }

  /** `words` say what is selected, of what could be; `offered` are the acts that the caller may do on all of it. */
  show({ count, most, words, offered }) {
    byId("selecting").hidden = most === 0;
    byId("selecting").classList.toggle("some", count > 0);
    this.#all.checked = count > 0 && count === most;
    this.#all.indeterminate = count > 0 && count < most;
    this.#words.textContent = count ? words : "Select all";
    const shown = count ? offered.join() : "";
    if (shown === this.#shown) return;
    this.#shown = shown; // buttons that stay keep the focus
    const hadFocus = this.#buttons.contains(document.activeElement);
    const acts = this.#acts.filter(({ act }) => count && offered.includes(act));
    this.#buttons.replaceChildren(...acts.map(control));
    if (hadFocus && !this.#buttons.contains(document.activeElement)) this.#all.focus();
  }
}

function control({ act, name, icon: drawn, run }) {
  const made = element("button", undefined, "small");
  made.type = "button";
  made.dataset.selected = act;
  made.append(icon(drawn), element("span", name));
  made.addEventListener("click", run);
  return made;
}
