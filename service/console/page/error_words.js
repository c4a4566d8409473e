// What an error of the client means to people: its own text is for programmers.

import { PresignError, UNREACHABLE } from "./client/errors.js";

const LATER = "The service has trouble at the moment. Try again in a minute.";
const OF_CODES = {
  __proto__: null,
  forbidden: "You are not allowed to do this. Your access may have changed.",
  not_found: "This file is no longer there.",
  upload_not_found: "The part that was sent already is no longer there. Start the upload again.",
  write_conflict: "Somebody else is changing this file at the moment. Try again.",
  object_exists: "A file with this name already exists. It was not changed.",
  checksum_mismatch: "What arrived differs from your file. Upload it again.",
  source_changed: "The file was changed, moved or removed since you chose it. Choose it again.",
  rate_limited: "Too many requests at once. Try again in a moment.",
  storage_refused: "The storage refused this. Ask the person who gave you access.",
  lifetime_unavailable: "A link cannot last that long. Choose a shorter time.",
  storage_unavailable: LATER,
  credentials_unavailable: LATER,
  overloaded: LATER,
  internal_error: LATER,
};
/** By the field that the service refused. */
const OF_LIMITS = {
  __proto__: null,
  "#/content_length": "The file is larger than you may upload.",
  "#/content_type": "Files of this type are not allowed here.",
  "#/key": "This name is not allowed here.",
  "#/expires_in": "A link cannot last that long. Choose a shorter time.",
  "#/max_uses": "The uses of links cannot be counted here.",
};

/** The CORS rule that lets this page use a bucket and read ETags. */
function corsRule() {
  const rule = {
    AllowedOrigins: [location.origin],
    AllowedMethods: ["GET", "PUT", "DELETE"],
    AllowedHeaders: ["*"],
    ExposeHeaders: ["ETag"],
    MaxAgeSeconds: 3600,
  };
  return JSON.stringify({ CORSRules: [rule] }, null, 2);
}

/** Returns what to show. `cors` is the rule that the bucket may lack. */
export function describeError(error) {
  if (!(error instanceof PresignError)) return error;
  const isOfStore = error.code === UNREACHABLE && error.store;
  return { ...error, message: words(error), cors: isOfStore ? corsRule() : undefined };
}

function words({ code, detail, status, store, attempts, errors }) {
  const limit = errors.find(({ pointer }) => pointer in OF_LIMITS);
  if (limit) return OF_LIMITS[limit.pointer];
  if (code === "object_exists" && attempts > 1)
    return `${OF_CODES.object_exists} It may be this file: a response was lost.`;
  if (code === "not_presign") return `The service answered ${status}.`;
  if (code !== UNREACHABLE) return OF_CODES[code] ?? detail;
  if (!store) return "The service did not respond. Check your connection and try again.";
  return (
    `The storage ${new URL(store).host} did not respond. Check your connection and try again. ` +
    "If that does not help, it may not allow this page."
  );
}
