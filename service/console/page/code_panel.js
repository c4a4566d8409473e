// "The same in code" in three languages, one of which is shown and can be copied.

import { copy, fromTemplate } from "./elements.js";

const NEEDS = {
  curl: "Paste it into a shell with PRESIGN_TOKEN set to your key or token. Needs curl and python3.",
  python: "Python 3.9 or later, no packages. Set PRESIGN_TOKEN to your key or token.",
  javascript: "Node 20 or later, as a module (.mjs), no packages. Set PRESIGN_TOKEN to your key or token.",
};

export class CodePanel {
  #root = fromTemplate("code-template");

  /** `produce` returns the code in each language for the current input, and `needs` if it needs more than usual. */
  constructor(place, produce) {
    this.produce = produce;
    place.append(this.#root);
    for (const radio of this.#radios) radio.name = `language-of-${place.id}`;
    this.#root.addEventListener("change", () => this.refresh());
    this.#root.addEventListener("toggle", () => this.refresh());
    this.#root.querySelector("button").addEventListener("click", (event) => {
      copy(this.#text.textContent, event.currentTarget);
    });
  }

  get #radios() {
    return this.#root.querySelectorAll("input");
  }

  get #text() {
    return this.#root.querySelector("pre");
  }

  clear() {
    this.#root.open = false;
    this.#text.textContent = "";
  }

  refresh() {
    if (!this.#root.open) return;
    const language = [...this.#radios].find((radio) => radio.checked).value;
    const { needs = NEEDS, [language]: text } = this.produce();
    this.#text.textContent = text;
    this.#root.querySelector(".hint").textContent = needs[language];
  }
}
