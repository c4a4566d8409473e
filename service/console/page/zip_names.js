// The names of files in a ZIP: each is below the folder where it is opened, on every system, and is there once. Pure.

import { freeName } from "./conflicts.js";

const MOST_BYTES = 240; // of a name; file systems take 255, and a number may follow
// Devices of Windows, also with a superscript digit, and with spaces before the ending:
// learn.microsoft.com/windows/win32/fileio/naming-a-file
const SYSTEMS_OWN = /^(con|prn|aux|nul|(com|lpt)[\d¹²³]|con(in|out)\$|clock\$) *(\.|$)/i;
// Windows takes none of these in a name; controls and what turns the direction of text deceive people.
const REFUSED = /[\\:*?"<>|\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name for each of `paths`, which are separated by slashes, in their order. Empty folders end in a slash. */
export function zipNames(paths) {
  const safe = paths.map(safePath);
  const folders = new Set(safe.flatMap(foldersAbove).map(folded));
  const taken = new Set();
  const numbers = new Map();
  const isTaken = (path) => taken.has(folded(path)) || folders.has(`${folded(path)}/`);
  return safe.map((path) => {
    if (path.endsWith("/")) return path;
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const name = path.slice(folder.length);
    const isTakenThere = (other) => isTaken(folder + other);
    const free = isTaken(path) ? folder + freeName(name, isTakenThere, numbers, folded(path)) : path;
    taken.add(folded(free));
    return free;
  });
}

/**
 * To Macs and Windows upper and lower case are the same, and to Macs both ways to write an accent. Some letters have two
 * small ones, as the sigma, or a capital of two letters, as the sharp s.
 */
const folded = (path) => path.toLowerCase().toUpperCase().normalize("NFC");

const foldersAbove = (path) => [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index + 1));

function safePath(path) {
  const isFolder = path.endsWith("/");
  const segments = (isFolder ? path.slice(0, -1) : path).split("/").map(safeSegment);
  return segments.join("/") + (isFolder ? "/" : "");
}

function safeSegment(segment) {
  const plain = segment.toWellFormed().replace(REFUSED, "_").replace(/[. ]+$/, (end) => "_".repeat(end.length));
  const named = SYSTEMS_OWN.test(plain) ? `_${plain}` : plain || "_";
  return shortened(named);
}

/** Its start and its end, if it is too long. */
function shortened(name) {
  const length = (text) => new TextEncoder().encode(text).length;
  if (length(name) <= MOST_BYTES) return name;
  const letters = Array.from(name);
  const ending = letters.slice(-12).join("");
  const start = letters.slice(0, -12);
  while (length(start.join("")) + length(ending) > MOST_BYTES) start.pop();
  return start.join("") + ending;
}
