// The rows of the table of files.

import { may } from "./access.js";
import { element, icon, inOneLine } from "./elements.js";
import { kindOf } from "./file_kinds.js";
import { folderLink } from "./path_bar.js";
import { ago, bytes, dateAndTime, displayName } from "./words.js";

const ACTIONS = [
  { act: "download", name: "Download", icon: "download", needs: ["download"] },
  { act: "link", name: "Copy link", icon: "link", needs: ["download", "link"] },
  { act: "share", name: "Share", icon: "share", needs: ["download", "link"] },
  { act: "delete", name: "Delete", icon: "delete", needs: ["delete"] },
];

/** Replaces the rows. `onAct` is called with the act, the entry and the control. `now` is in milliseconds. */
export function showRows(body, entries, place, now, onAct) {
  const act = document.activeElement?.dataset.act;
  const key = document.activeElement?.closest("tr")?.dataset.key;
  body.replaceChildren(...entries.map((entry, index) => row(entry, `row-${index}`, place, now, onAct)));
  // A list that is read again keeps the focus.
  if (key !== undefined)
    [...body.rows].find((each) => each.dataset.key === key)?.querySelector(`[data-act="${act}"]`)?.focus();
  body.onkeydown ??= moveBetweenRows;
}

function row(entry, id, place, now, onAct) {
  const made = element("tr");
  made.dataset.key = entry.key;
  const name = nameOf(entry, place, onAct);
  name.id = id;
  name.title = displayName(entry.name);
  const head = element("th", undefined, "name-cell");
  head.scope = "row";
  const line = element("span"); // a cell of a table is no flex box
  line.append(icon(entry.isFolder ? "folder" : kindOf(entry.name).icon), name);
  head.append(line);
  const size = element("td", entry.size === undefined ? "" : bytes(entry.size), "size-cell");
  made.append(head, size, age(entry, now), actions(entry, id, place, onAct));
  return made;
}

function nameOf(entry, { grants, bucket }, onAct) {
  if (entry.isFolder) {
    const link = folderLink(entry.name, () => onAct("open", entry, link));
    link.dataset.act = "open";
    return link;
  }
  if (!may(grants, "download", bucket, entry.key)) {
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

function age({ lastModified }, now) {
  const cell = element("td", undefined, "age-cell");
  if (!lastModified) return cell;
  const time = element("time", ago(lastModified, now));
  time.dateTime = lastModified.toISOString();
  time.title = dateAndTime(lastModified);
  cell.append(time);
  return cell;
}

function actions(entry, id, { grants, bucket }, onAct) {
  const cell = element("td", undefined, "actions-cell");
  if (entry.isFolder) return cell;
  for (const { act, name, icon: drawn, needs } of ACTIONS) {
    if (!needs.some((operation) => may(grants, operation, bucket, entry.key))) continue;
    const button = element("button", undefined, "icon-button");
    button.type = "button";
    button.dataset.act = act;
    button.title = name;
    button.ariaLabel = name;
    button.setAttribute("aria-describedby", id);
    button.append(icon(drawn));
    button.addEventListener("click", () => onAct(act, entry, button));
    cell.append(button);
  }
  return cell;
}

/** The arrows lead to the same control of the row above or below. */
function moveBetweenRows(event) {
  const way = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const from = event.target.closest("tr");
  if (!way || !from) return;
  const to = from[way];
  const act = event.target.dataset.act;
  const control = to?.querySelector(`[data-act="${act}"]`) ?? to?.querySelector("[data-act]");
  if (!control) return;
  event.preventDefault();
  control.focus();
}
