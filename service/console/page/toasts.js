// Short messages at the edge of the page.

import { announce, byId, element } from "./elements.js";

const SECONDS = 5;

/** Shows an entry with these contents, until it is removed. Returns it. */
export function addToast(...contents) {
  const toast = element("li", undefined, "toast");
  toast.append(...contents);
  byId("toasts").append(toast);
  return toast;
}

/** Shows and announces something that needs no answer. */
export function notify(words) {
  const toast = addToast(element("p", words));
  announce(words);
  setTimeout(() => toast.remove(), 1000 * SECONDS);
}
