// Asks what happens to files whose names are taken: once for a batch, whether they are uploaded or moved.

import { KEEP_BOTH, REPLACE, SKIP, freeName } from "./conflicts.js";
import { element, inOneLine } from "./elements.js";
import { ask } from "./questions.js";
import { counted, displayName } from "./words.js";

const SHOWN = 5; // names

/**
 * Resolves with REPLACE, KEEP_BOTH or SKIP, or with null if the question was closed: then nothing is to happen.
 * `mayReplace` says whether the caller may overwrite all of them.
 */
export function askAboutConflicts(names, { mayReplace }) {
  const isOne = names.length === 1;
  const title = isOne ? "This name is taken" : `${counted(names.length, "name")} are taken`;
  const list = element("ul", undefined, "taken");
  list.append(...names.slice(0, SHOWN).map(line));
  if (names.length > SHOWN) list.append(element("li", `and ${counted(names.length - SHOWN, "other")}`));
  const example = displayName(freeName(names[0], () => false));
  const hint = element("p", `Keep both adds a number: ${example}. Skip leaves ${isOne ? "it" : "them"} out.`, "hint");
  const choices = [
    { name: "Skip", answer: SKIP },
    ...(mayReplace ? [{ name: isOne ? "Replace" : "Replace all", answer: REPLACE }] : []),
    { name: "Keep both", answer: KEEP_BOTH, isUsual: true },
  ];
  const lead = element("p", isOne ? "This file already exists:" : "These files already exist:");
  return ask({ title, content: [lead, list, hint], choices });
}

function line(name) {
  const made = element("li");
  made.append(inOneLine(name));
  return made;
}
