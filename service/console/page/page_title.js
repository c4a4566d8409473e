// The title of the page: tabs, bookmarks and the history are found by it.

import { displayName } from "./words.js";

const SITE = document.title; // as the service names itself

/** That of the open folder, or without a name that of the page itself. */
export function showTitle(name = null) {
  document.title = name === null ? SITE : `${displayName(name)} · ${SITE}`;
}
