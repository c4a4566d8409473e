// The addresses of folders, which are fragments of the page's own: `#/bucket/folder/`, and `#/` for all buckets. A
// browser sends no fragment to a server.

const START = "#/";

/** The fragment of a place. Each part between slashes is percent-encoded. */
export function addressOf({ bucket, folder }) {
  if (bucket === null) return START;
  return `${START}${[bucket, ...folder.split("/")].map((part) => encodeURIComponent(part.toWellFormed())).join("/")}`;
}

/** The place of a fragment, or null if it names none. People may leave the last slash out. */
export function placeIn(fragment) {
  if (!fragment.startsWith(START)) return null;
  let parts;
  try {
    parts = fragment.slice(START.length).split("/").map(decodeURIComponent);
  } catch {
    return null; // a `%` that encodes nothing
  }
  const [bucket, ...below] = parts;
  if (bucket === "") return below.length ? null : { bucket: null, folder: "" };
  if (below.length && below.at(-1) !== "") below.push("");
  return { bucket, folder: below.join("/") };
}

/** The place that the page's address names, or null. */
export const addressedPlace = () => placeIn(location.hash);

/** Whether the page was opened at an address within it, whatever that names. */
export const hasAddress = () => location.hash !== "";

export const isAddressed = (place) => location.hash === addressOf(place);

/** Goes to a place: the browser notes it in its history, and `onMove` hears of it. */
export function goTo(place) {
  location.hash = addressOf(place);
}

/** Changes the address without a step in the history. Without a place it is that of the page. */
export function rewriteAddress(place) {
  history.replaceState(null, "", place ? addressOf(place) : location.pathname);
}

/** `onMove` is called when somebody follows a link to a place, goes back or forward, or enters an address. */
export function watchAddress(onMove) {
  addEventListener("hashchange", () => onMove());
}
