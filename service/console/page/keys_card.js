// The card of keys: in the menu *Tools*, and on `?` in the list. Elsewhere `?` does nothing: a key of one character
// works only where the focus is (WCAG 2.1.4): a person who dictates may say it by chance.

import { byId } from "./elements.js";
import { showModal } from "./modal.js";

export function offerKeys() {
  byId("listing").addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey } = event;
    if (key !== "?" || ctrlKey || metaKey || altKey) return;
    event.preventDefault();
    showModal(byId("keys"));
  });
}
