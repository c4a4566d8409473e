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
    const bar = byId("selecting");
    const hadFocus = bar.contains(document.activeElement);
    bar.classList.toggle("some", count > 0);
    this.#all.checked = count > 0 && count === most;
    this.#all.indeterminate = count > 0 && count < most;
    this.#words.textContent = count ? words : "Select all";
    this.#showActs(count ? offered : []);
    bar.hidden = most === 0;
    if (!hadFocus) return;
    if (bar.hidden) byId("where").focus();
    else if (!bar.contains(document.activeElement)) this.#all.focus();
  }

  #showActs(offered) {
    const shown = offered.join();
    if (shown === this.#shown) return;
    this.#shown = shown; // buttons that stay keep the focus
    this.#buttons.replaceChildren(...this.#acts.filter(({ act }) => offered.includes(act)).map(control));
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
