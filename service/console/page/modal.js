// Dialogs that everything else waits for.

import { byId } from "./elements.js";

let opened = []; // the last one is on top

/** Opens a dialog. What is outside of it cannot be used and is not announced, so the messages are in it meanwhile. */
export function showModal(dialog, onClose = () => {}) {
  const before = document.activeElement; // a message that moves loses the focus
  const messages = [byId("toasts"), byId("status")];
  dialog.append(...messages);
  opened.push(dialog);
  dialog.addEventListener(
    "close",
    () => {
      const focused = messages[0].contains(document.activeElement) ? document.activeElement : before;
      opened = opened.filter((each) => each !== dialog);
      if (dialog.contains(messages[0])) (opened.at(-1) ?? document.querySelector("main")).append(...messages);
      onClose();
      if (document.activeElement === document.body) focused?.focus();
    },
    { once: true },
  );
  dialog.showModal();
}
