// What a caller's grants allow. Pure. The service decides; this only spares people requests that would
// fail, so in doubt it allows.

import { kindInWords } from "./access_words.js";
import { bytes } from "./words.js";

const MIB = 2 ** 20;
/** Larger files use a multipart upload: it can be paused, and only a failed part is sent again. */
export const WHOLE_BYTES = 16 * MIB;
/** S3 accepts no more in one request. */
export const MAX_WHOLE_BYTES = 5 * 1024 * MIB;
const MAX_KEY_BYTES = 1024;
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/;
const RUNS = [
  /^(application|text)\/((x-)?(java|ecma)script|xml)$/,
  /^(.+\+xml|text\/(html|xsl|jscript|livescript|vbscript)|multipart\/x-mixed-replace)$/,
];
const SENDS = ["upload", "multipart"];

export const UNKNOWN_TYPE = "application/octet-stream";

/** The place while nobody is signed in. */
export const NOWHERE = { grants: [], bucket: null, folder: "" };

export const bucketsOf = (grants) => [...new Set(grants.map((grant) => grant.bucket))];

/** The folders that grants name. The empty folder is the whole bucket. */
export function foldersOf(grants, bucket) {
  const of = grants.filter((grant) => grant.bucket === bucket);
  return [...new Set(of.map(({ prefix }) => prefix.slice(0, prefix.lastIndexOf("/") + 1)))];
}

/** What to open first: where all grants are, or the list of buckets. */
export function startOf(grants) {
  const buckets = bucketsOf(grants);
  if (buckets.length !== 1) return { bucket: null, folder: "" };
  const folders = foldersOf(grants, buckets[0]);
  return { bucket: buckets[0], folder: folders.length === 1 ? folders[0] : "" };
}

/** What people call a place: its folder, or the bucket. */
export const nameOf = ({ bucket, folder }) => folder.split("/").at(-2) ?? bucket;

/** The keys directly below a folder that grants name: folders, which end in a slash, and objects. */
export function namedBelow(grants, bucket, folder) {
  const below = grants.filter((grant) => grant.bucket === bucket && grant.prefix.startsWith(folder));
  const names = below.map(({ prefix }) => /^[^/]*\/?/.exec(prefix.slice(folder.length))[0]);
  return [...new Set(names.filter(Boolean))].map((name) => folder + name);
}

export const offers = (grants, operation, bucket) =>
  grants.some((grant) => grant.bucket === bucket && grant.allow.includes(operation));

export const offersSending = (grants, bucket) =>
  SENDS.some((operation) => offers(grants, operation, bucket));

const coversFolder = ({ prefix }) => prefix === "" || prefix.endsWith("/");

function covers(grant, operation, bucket, key) {
  if (grant.bucket !== bucket || !grant.allow.includes(operation)) return false;
  return coversFolder(grant) ? key.startsWith(grant.prefix) : key === grant.prefix;
}

export const covering = (grants, operation, bucket, key) =>
  grants.filter((grant) => covers(grant, operation, bucket, key));

export const may = (grants, operation, bucket, key) =>
  covering(grants, operation, bucket, key).length > 0;

/** Whether one grant allows an operation both on a key and on its versions. */
export const mayWithVersions = (grants, operation, bucket, key) =>
  covering(grants, operation, bucket, key).some(({ allow }) => allow.includes("versions"));

/** Whether the versions of all keys that begin with `key` may be listed: a grant for a single key is not enough. */
export const mayListVersions = (grants, bucket, key) =>
  mayWithVersions(grants.filter(coversFolder), "list", bucket, key);

export const mayOverwrite = (grants, operation, bucket, key) =>
  covering(grants, operation, bucket, key).some((grant) => grant.allow_overwrite);

/** Grants that take copies: one with limits takes none, since a copy says neither its size nor its type. */
const takers = (grants, bucket, key) => covering(grants, "upload", bucket, key).filter(isUnlimited);

export const takesCopies = (grants, bucket, key) => takers(grants, bucket, key).length > 0;

export const mayCopyOver = (grants, bucket, key) =>
  takers(grants, bucket, key).some((grant) => grant.allow_overwrite);

/** Whether an older version may be copied over its own key, as service/presigning/copies.py decides it. */
export const mayRestoreVersion = (grants, bucket, key) =>
  mayWithVersions(grants, "download", bucket, key) && mayCopyOver(grants, bucket, key);

/** The longest lifetime of a link, in seconds. */
export function longest(grants, operation, bucket, key, ofAll) {
  const limits = covering(grants, operation, bucket, key).map((g) => g.max_expires_in ?? ofAll);
  return Math.min(ofAll, Math.max(0, ...limits));
}

/** A wildcard matches no type that browsers run, such as SVG: service/access/content_types.py. */
function admits(pattern, type) {
  const name = type.split(";")[0].trim().toLowerCase();
  const asked = pattern.toLowerCase();
  if (!asked.endsWith("/*")) return name === asked;
  return name.startsWith(asked.slice(0, -1)) && NAME.test(name) && !RUNS.some((runs) => runs.test(name));
}

function brokenLimit(grant, { size, type }) {
  const { max_content_length: most, content_types: types } = grant;
  if (most !== undefined && size > most)
    return `This file has ${bytes(size)}. Files may have up to ${bytes(most)} here.`;
  if (types && !types.some((pattern) => admits(pattern, type)))
    return `Only files of these types are allowed here: ${kindsInWords(types)}.`;
  return null;
}

/** Why no grant could allow a key, or null. */
export function invalidKey(key) {
  if (/(^|\/)\.\.?(\/|$)/.test(key))
    return "A name or folder cannot be “.” or “..”: browsers rewrite it.";
  if (/[\u0000-\u001f\u007f-\u009f]/.test(key) || !key.isWellFormed())
    return "The name or the folder has characters that cannot be displayed. Rename it.";
  if (new TextEncoder().encode(key).length > MAX_KEY_BYTES)
    return `Folder and name together have more than ${MAX_KEY_BYTES} bytes.`;
  return null;
}

/** The operation that uploads a file, `{ operation }`, or the reason why none does, `{ reason }`. */
export function uploadWay(grants, bucket, key, { size, type }) {
  const wrong = invalidKey(key);
  if (wrong) return { reason: wrong };
  const ways = size > WHOLE_BYTES ? [...SENDS].reverse() : SENDS;
  const able = ways.filter((way) => (way === "upload" ? size <= MAX_WHOLE_BYTES : size > 0));
  let reason = null;
  for (const operation of able)
    for (const grant of covering(grants, operation, bucket, key)) {
      const broken = brokenLimit(grant, { size, type });
      if (!broken) return { operation };
      reason ??= broken;
    }
  if (reason) return { reason };
  const isAllowed = SENDS.some((way) => may(grants, way, bucket, key));
  return {
    reason: isAllowed
      ? "A file of this size cannot be uploaded here."
      : "You cannot upload a file with this name to this folder.",
  };
}

/** What limits uploads to a folder: a sentence for each grant that covers all of it, none if one has no limits. */
export function limitsOf(grants, bucket, folder) {
  const within = grants.filter(
    (grant) => grant.bucket === bucket && SENDS.some((way) => grant.allow.includes(way)),
  );
  const whole = within.filter((grant) => coversFolder(grant) && folder.startsWith(grant.prefix));
  const named = within.filter((grant) => !coversFolder(grant) && grant.prefix.startsWith(folder));
  const single = named.map(({ prefix }) => prefix.slice(folder.length)).filter((n) => !n.includes("/"));
  const said = whole.some(isUnlimited) ? [] : whole.map(limitsInWords);
  if (single.length) said.push(`These names: ${single.join(", ")}.`);
  return [...new Set(said)];
}

const isUnlimited = (grant) => grant.max_content_length === undefined && !grant.content_types;

const kindsInWords = (types) => types.map(kindInWords).join(", ");

function limitsInWords({ max_content_length: most, content_types: types }) {
  const size = most === undefined ? "" : ` up to ${bytes(most)}`;
  return types ? `Files${size} of these types: ${kindsInWords(types)}.` : `Files${size} of any type.`;
}
