// What an error of the client means to people: its own text is for programmers.

import { PresignError, UNREACHABLE } from "./client/errors.js";

/** The CORS rule that lets this page upload to a bucket and read ETags. */
function corsRule() {
  const rule = {
    AllowedOrigins: [location.origin],
    AllowedMethods: ["GET", "PUT"],
    AllowedHeaders: ["*"],
    ExposeHeaders: ["ETag"],
    MaxAgeSeconds: 3600,
  };
  return JSON.stringify({ CORSRules: [rule] }, null, 2);
}

/** Returns what to show. `cors` is the rule that the bucket may lack. */
export function inWords(error) {
  if (!(error instanceof PresignError)) return error;
  const isOfStore = error.code === UNREACHABLE && error.store;
  return { ...error, message: words(error), cors: isOfStore ? corsRule() : undefined };
}

function words({ code, detail, status, store, attempts }) {
  if (code === "object_exists") {
    const unsure = attempts > 1 ? " It may be this file: a response was lost." : "";
    return `An object with this name already exists. It was not changed.${unsure}`;
  }
  if (code === "not_presign") return `The service answered ${status}.`;
  if (code !== UNREACHABLE) return detail;
  if (!store) return "The service did not respond. Check your connection and try again.";
  return (
    `No response from the store ${new URL(store).host}. Either it cannot be reached from here, or the bucket’s ` +
    "CORS rules do not allow this page. The owner of the bucket can allow it with this rule:"
  );
}
