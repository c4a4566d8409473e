// Asks for the new name of a file or a folder.

import { element, errorBox, hideError, showError } from "./elements.js";
import { wrongName } from "./moves.js";
import { answerButton, openDialog } from "./questions.js";

/** Resolves with the name, which is another one and valid in `folder`, or with null. */
export function askForName(folder, { name, isFolder }) {
  const label = element("label", "New name");
  const field = element("input");
  const error = errorBox();
  Object.assign(field, { type: "text", id: "new-name", value: name, autocomplete: "off", spellcheck: false });
  label.htmlFor = field.id;
  const cancel = answerButton("Cancel", "");
  const accept = element("button", "Rename", "primary");
  const title = isFolder ? "Rename this folder" : "Rename this file";
  const dialog = openDialog({ title, content: [label, field, error], buttons: [cancel, accept] });
  accept.addEventListener("click", (event) => {
    event.preventDefault();
    const wrong = wrongName(folder, field.value.trim());
    if (wrong) return showError(error, new Error(wrong));
    hideError(error);
    dialog.close(field.value.trim());
  });
  field.focus();
  const ending = isFolder ? -1 : name.lastIndexOf(".");
  field.setSelectionRange(0, ending > 0 ? ending : name.length); // people keep the ending
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue;
      resolve(given && given !== name ? given : null);
    }),
  );
}
