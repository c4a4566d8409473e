// The card of keys: on `?`, and in the menu *Tools*.

import { byId, isWriting } from "./elements.js";
import { closeMenu } from "./menu.js";
import { showModal } from "./modal.js";

export function offerKeys() {
  addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey } = event;
    if (key !== "?" || ctrlKey || metaKey || altKey) return;
    const isElsewhere = isWriting(document.activeElement) || document.querySelector("dialog[open]");
    if (isElsewhere || byId("workspace").hidden) return;
    event.preventDefault();
    closeMenu();
    showModal(byId("keys"));
  });
}
