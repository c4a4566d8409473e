// Opens a folder that has no files yet: at the store it exists only once it has one.

import { invalidKey } from "./access.js";
import { byId, hideError, showError } from "./elements.js";
import { showModal } from "./modal.js";

/** `onName` is called with the name that somebody enters, which has no slash at its ends. */
export function offerNewFolder(onName) {
  const [dialog, field, error] = [byId("naming"), byId("folder-name"), byId("naming-error")];
  byId("new-folder").addEventListener("click", () => {
    hideError(error);
    showModal(dialog, () => (field.value = ""));
    field.focus();
  });
  byId("naming-cancel").addEventListener("click", () => dialog.close());
  byId("naming-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = field.value.trim().replace(/^\/+|\/+$/g, "");
    const wrong = name ? invalidKey(name) : "Enter a name.";
    if (wrong) return showError(error, new Error(wrong));
    dialog.close();
    onName(name);
  });
}
