// Dialogs that everything else waits for.

import { byId } from "./elements.js";

/** Opens a dialog. What is outside of it cannot be used and is not announced, so the messages are in it meanwhile. */
export function showModal(dialog, onClose = () => {}) {
  dialog.append(byId("toasts"), byId("status"));
  dialog.addEventListener(
    "close",
    () => {
      document.querySelector("main").append(byId("toasts"), byId("status"));
      onClose();
    },
    { once: true },
  );
  dialog.showModal();
}
