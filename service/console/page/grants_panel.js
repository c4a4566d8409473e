// What the caller may do, in words for people.

import { accessInWords, groupsInWords, placeInWords } from "./access_words.js";
import { byId, element, icon } from "./elements.js";

export function showGrants({ grants, matched }) {
  const groups = groupsInWords(matched);
  byId("groups").textContent = groups && `You have it by ${groups}.`;
  byId("groups").hidden = !groups;
  const shown = grants.map(grantInWords).filter(Boolean);
  const none = element("li", "You have no access yet. Ask the person who runs this service.");
  byId("grants").replaceChildren(...(shown.length ? shown : [none]));
}

function grantInWords(grant) {
  const said = accessInWords(grant);
  if (!said.length) return null;
  const { name, rest } = placeInWords(grant);
  const made = element("li", undefined, "grant");
  const where = element("p", undefined, "grant-where");
  const isFile = grant.prefix && !grant.prefix.endsWith("/");
  where.append(icon(isFile ? "file" : "folder"), element("bdi", name), " ", element("span", rest, "hint"));
  const list = element("ul");
  list.append(...said.map((each) => element("li", each[0].toUpperCase() + each.slice(1))));
  made.append(where, element("p", "You can:", "unseen"), list);
  return made;
}
