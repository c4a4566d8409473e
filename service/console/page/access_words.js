// A grant in words for people. Pure.

import { bytes, lifetime } from "./words.js";

const WEEK = 604_800; // seconds; the default of max_link_expires_in
const SENDS = ["upload", "multipart", "form"];

/** Where a grant applies, as in `Invoices 2026 in reports`: what to emphasize, and the rest. */
export function placeInWords({ bucket, prefix }) {
  if (prefix === "") return { name: bucket, rest: "and everything in it" };
  const isFolder = prefix.endsWith("/");
  return { name: isFolder ? prefix.slice(0, -1) : prefix, rest: `${isFolder ? "" : "(one file) "}in ${bucket}` };
}

/** What a grant allows: sentences that go on after "You can". */
export function accessInWords(grant) {
  const has = (...operations) => operations.some((each) => grant.allow.includes(each));
  const said = [reading(has, grant), has(...SENDS) && sending(grant), has("delete") && "delete files"];
  if (has("versions")) said.push("use older versions of files");
  if (has("link")) said.push(sharing(has, grant));
  if (has("credentials", "sign")) said.push("connect S3 tools");
  if (has("notify")) said.push("report which files were stored");
  said.push(fromWhere(grant));
  return said.filter(Boolean);
}

/** The groups and other claims that gave access, as in `groups: /finance`; empty without any. */
export function groupsInWords(matched = []) {
  const pairs = matched.flatMap(({ claims = {} }) => Object.entries(claims));
  const said = pairs.map(([pointer, value]) => `${claimName(pointer)}: ${value}`);
  return [...new Set(said)].join("; ");
}

/** The name at the end of a JSON pointer, without the address that may come before it. */
function claimName(pointer) {
  const name = pointer.split("/").at(-1).replaceAll("~1", "/").replaceAll("~0", "~");
  return name.split("/").at(-1).replaceAll("_", " ");
}

function reading(has, { only_if_tagged: tags }) {
  const tagged = tags ? `, if tagged ${Object.entries(tags).map((each) => each.join("=")).join(" and ")}` : "";
  const isOpen = has("download");
  if (has("list")) return isOpen ? `see, open and download files${tagged}` : "see which files there are";
  if (isOpen) return `download files whose name you know${tagged}`;
  return has("head", "check") && `check whether a file exists${tagged}`;
}

function fromWhere({ networks = [], vpc_endpoints: endpoints = [] }) {
  const places = [...networks, ...endpoints.map((each) => `VPC endpoint ${each}`)];
  return places.length > 0 && `do all this only from ${listed(places, "or")}`;
}

function sending({ content_types: types, max_content_length: most, allow_overwrite: replaces }) {
  const kinds = types ? `${listed([...new Set(types.map(kindInWords))], "and")} files` : "files";
  const size = most === undefined ? "" : ` up to ${bytes(most)}`;
  return `upload ${replaces ? "and replace " : ""}${kinds}${size}`;
}

function sharing(has, { max_link_expires_in: longest = WEEK }) {
  const whats = [has("download") && "share files", has(...SENDS) && "request files from others"];
  const what = listed(whats.filter(Boolean), "and");
  return what && `${what}, for up to ${lifetime(longest)}`;
}

const KINDS = {
  "application/pdf": "PDF",
  "application/zip": "ZIP",
  "application/json": "JSON",
  "application/msword": "Word",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
  "application/vnd.ms-excel": "Excel",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
  "application/vnd.ms-powerpoint": "PowerPoint",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
  "text/csv": "CSV",
  "text/plain": "plain text",
  "image/jpeg": "JPEG",
};

/** A content type, or a family such as `image/*`, as people call it. */
export function kindInWords(type) {
  const name = type.split(";")[0].trim().toLowerCase();
  if (name in KINDS) return KINDS[name];
  const [family, kind] = name.split("/");
  if (kind === "*") return family;
  return family === "image" || family === "video" || family === "audio" ? kind.toUpperCase() : name;
}

/** `a`, `a and b`, `a, b and c`. */
function listed(words, last) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}
