// The rows of the table of files.

import { may, mayListVersions, mayWithVersions } from "./access.js";
import { byId, element, icon, inOneLine } from "./elements.js";
import { kindOf } from "./file_kinds.js";
import { opensMenu } from "./menu.js";
import { folderLink } from "./path_bar.js";
import { isOfMany, offeredFor } from "./selected_acts.js";
import { ago, bytes, dateAndTime, displayName } from "./words.js";

/** The first control of a row: the box comes before it, and only selects. */
export const FIRST = "[data-act]:not(.select)";

/** Whether the grants allow one of these operations on a file. */
const any =
  (...operations) =>
  (grants, bucket, key) =>
    operations.some((operation) => may(grants, operation, bucket, key));
const mayRestore = (grants, bucket, key) => mayWithVersions(grants, "delete", bucket, key);

const VERSIONS = { act: "versions", name: "Versions", icon: "versions", isAllowed: mayListVersions };
const ACTIONS = [
  { act: "download", name: "Download", icon: "download", isAllowed: any("download") },
  { act: "link", name: "Copy link", icon: "link", isAllowed: any("download", "link") },
  { act: "share", name: "Share", icon: "share", isAllowed: any("download", "link") },
  VERSIONS,
  { act: "delete", name: "Delete", icon: "delete", isAllowed: any("delete") },
];
const OF_DELETED = [{ act: "restore", name: "Restore", icon: "restore", isAllowed: mayRestore }, VERSIONS];

/**
 * Replaces the rows. `onAct` is called with the act, the entry and the control. `boxOf(entry, id)` is the box that
 * selects an entry, or null; `id` is that of its name. `now` is in milliseconds.
 */
export function showRows(body, entries, place, now, onAct, boxOf) {
  const act = document.activeElement?.dataset.act;
  const key = document.activeElement?.closest("tr")?.dataset.key;
  body.replaceChildren(...entries.map((entry, index) => row(entry, `row-${index}`, place, now, onAct, boxOf)));
  // A list that is read again keeps the focus. That of a row that goes is on the folder.
  if (key !== undefined && !focusControl(body, key, act)) byId("where").focus();
  body.onkeydown ??= moveBetweenRows;
}

/** Says at the head of a table by what it is sorted. */
export function showOrder(table, { column, isDescending }) {
  const order = isDescending ? "descending" : "ascending";
  for (const head of table.querySelectorAll("[data-column]")) head.ariaSort = head.dataset.column === column ? order : null;
}

/** Focuses the control of a file, or another one of its row. Returns whether the row has one. */
export function focusControl(body, key, act) {
  const control = controlOf(rowOf(body, key), act);
  control?.focus();
  return control !== undefined;
}

const rowOf = (body, key) => [...body.querySelectorAll("tr")].find((row) => row.dataset.key === key);

const controlOf = (row, act) => row?.querySelector(`[data-act="${act}"]`) ?? row?.querySelector(FIRST) ?? undefined;

function row(entry, id, place, now, onAct, boxOf) {
  const made = element("tr", undefined, entry.isDeleted ? "deleted" : undefined);
  made.dataset.key = entry.key;
  const name = nameOf(entry, place, onAct);
  name.id = id;
  name.title = displayName(entry.name);
  const head = element("th", undefined, "name-cell");
  head.scope = "row";
  const line = element("span"); // a cell of a table is no flex box
  const box = boxOf(entry, id);
  if (box) line.append(box);
  line.append(icon(entry.isFolder ? "folder" : kindOf(entry.name).icon), name);
  if (entry.isDeleted) line.append(element("span", "Deleted", "badge"));
  head.append(line);
  const size = element("td", entry.size === undefined ? "" : bytes(entry.size), "size-cell");
  made.append(head, size, age(entry, now), actions(entry, id, place, onAct));
  return made;
}

function nameOf(entry, { grants, bucket }, onAct) {
  if (entry.isFolder) {
    const link = folderLink(entry.name, placeOf(entry, bucket));
    link.dataset.act = "open";
    return link;
  }
  if (entry.isDeleted || !may(grants, "download", bucket, entry.key)) {
    const name = element("span", undefined, "file-name");
    name.append(inOneLine(entry.name));
    return name;
  }
  const button = element("button", undefined, "file-name");
  button.type = "button";
  button.dataset.act = "preview";
  button.append(inOneLine(entry.name));
  button.ariaLabel = displayName(entry.name);
  button.addEventListener("click", () => onAct("preview", entry, button));
  return button;
}

/** The place that a folder's row leads to. In the list of buckets each one is a folder. */
const placeOf = ({ key, name }, bucket) => (bucket === null ? { bucket: name, folder: "" } : { bucket, folder: key });

function age({ lastModified }, now) {
  const cell = element("td", undefined, "age-cell");
  if (!lastModified) return cell;
  const time = element("time", ago(lastModified, now));
  time.dateTime = lastModified.toISOString();
  time.title = dateAndTime(lastModified);
  cell.append(time);
  return cell;
}

/** One action is on the row of a file, and a menu has the others. */
function actions(entry, id, place, onAct) {
  const cell = element("td", undefined, "actions-cell");
  const all = entry.isFolder ? offeredFor([entry], place) : actionsOfFile(entry, place);
  const [first, ...others] = entry.isFolder ? [null, ...all] : all;
  if (first) {
    const button = actionButton(first, id);
    button.addEventListener("click", () => onAct(first.act, entry, button));
    cell.append(button);
  }
  if (others.length) {
    const more = actionButton({ act: "more", name: "More", icon: "down" }, id);
    const again = () => controlOf(rowOf(document, entry.key), "more");
    const items = () => others.map(({ act, ...shown }) => ({ ...shown, act: () => onAct(act, entry, more) }));
    cell.append(opensMenu(more, items, again));
  }
  return cell;
}

function actionsOfFile(entry, place) {
  const { grants, bucket } = place;
  const own = (entry.isDeleted ? OF_DELETED : ACTIONS).filter(({ isAllowed }) => isAllowed(grants, bucket, entry.key));
  const shared = offeredFor([entry], place).filter(({ act }) => isOfMany(act, entry));
  const last = own.filter(({ act }) => act === "delete");
  return [...own.filter((each) => !last.includes(each)), ...shared, ...last];
}

function actionButton({ act, name, icon: drawn }, id) {
  const button = element("button", undefined, "small");
  button.type = "button";
  button.dataset.act = act;
  button.setAttribute("aria-describedby", id);
  button.append(icon(drawn), element("span", name));
  return button;
}

/** The arrows lead to the same control of the row above or below. */
function moveBetweenRows(event) {
  const way = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const from = event.target.closest("tr");
  if (!way || !from) return;
  const control = controlOf(from[way], event.target.dataset.act);
  if (!control) return;
  event.preventDefault();
  control.focus();
}
