// The caller's grants in words.

import { limitsInWords } from "./access.js";
import { byId, element } from "./elements.js";
import { duration } from "./words.js";

export function showGrants(grants) {
  const none = element("li", "Nothing: your key is valid, but has no grants.");
  byId("grants").replaceChildren(...(grants.length ? grants.map(grantInWords) : [none]));
}

function grantInWords(grant) {
  const made = element("li", undefined, "grant");
  const where = element("p", undefined, "grant-where");
  where.append(element("strong", grant.bucket), " / ", element("code", grant.prefix || "everything"));
  const allowed = element("ul", undefined, "chips");
  allowed.append(...grant.allow.map((operation) => element("li", operation)));
  made.append(where, allowed);
  const limits = limitsOf(grant);
  if (limits) made.append(element("p", limits, "hint"));
  return made;
}

function limitsOf(grant) {
  const said = [];
  const sends = ["upload", "multipart", "form"].some((way) => grant.allow.includes(way));
  if (sends) said.push(limitsInWords(grant));
  if (grant.max_expires_in !== undefined) said.push(`Valid for at most ${duration(grant.max_expires_in)}.`);
  if (sends) said.push(grant.allow_overwrite ? "May replace objects." : "May not replace objects.");
  return said.join(" ");
}
