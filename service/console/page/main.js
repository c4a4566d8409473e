// The page: sign-in, bucket and folder, and the panels.

import { asFolder, bucketsOf, foldersOf } from "./access.js";
import { sleep } from "./client/retries.js";
import { DiagnosisPanel } from "./diagnosis_panel.js";
import { byId, hideError, showError, showOptions, tell } from "./elements.js";
import { FilesPanel } from "./files_panel.js";
import { showGrants } from "./grants_panel.js";
import { LinkPanel } from "./link_panel.js";
import { Service } from "./service.js";
import { duration } from "./words.js";

const CANCEL_SECONDS = 10; // to abort uploads at the store when signing out

const service = new Service(new URL("../", import.meta.url).href, leave);
const links = new LinkPanel(service);
const files = new FilesPanel(service, (bucket, key) => links.noteSent(bucket, key));
const diagnosis = new DiagnosisPanel(service);
let caller = null; // the last one who signed in

byId("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn();
});
byId("sign-out").addEventListener("click", signOut);
byId("bucket").addEventListener("change", () => {
  suggestFolders();
  aim();
});
byId("folder").addEventListener("input", aim);

async function signIn() {
  const field = byId("token");
  const token = field.value.trim();
  hideError(byId("sign-in-error"));
  const invalid = invalidToken(token);
  if (invalid) return showError(byId("sign-in-error"), new Error(invalid));
  const button = byId("sign-in-form").querySelector("button");
  button.disabled = true;
  service.remember(token);
  try {
    const onWait = (seconds) => seconds && tell(`Waiting ${duration(seconds)}, as the service requested.`);
    enter(await service.caller({ onWait }));
  } catch (error) {
    service.forget();
    if (error.status !== 401) showError(byId("sign-in-error"), error);
  }
  button.disabled = false;
}

function invalidToken(token) {
  if (!token) return "Enter your key or token.";
  // An HTTP header cannot contain other characters.
  const isPlain = /^[\x21-\x7e]+$/.test(token);
  return isPlain ? null : "This is not a key or token: it contains a space or another character that none has.";
}

function enter(signedIn) {
  const isAnother = caller && (caller.subject !== signedIn.subject || caller.issuer !== signedIn.issuer);
  if (isAnother) forgetWork();
  caller = signedIn;
  byId("token").value = "";
  byId("subject").textContent = signedIn.subject;
  byId("issuer").textContent = signedIn.issuer ? ` of ${signedIn.issuer}` : "";
  showGrants(signedIn.grants);
  offerBuckets(signedIn.grants);
  showWorkspace(true);
  diagnosis.offer();
  files.goOn();
  byId("where").focus();
}

/** Back to the sign-in, because the token is not valid. Uploads wait. */
function leave(problem) {
  service.forget();
  files.halt();
  byId("token").value = "";
  const isIn = !byId("workspace").hidden;
  showWorkspace(false);
  const lead = isIn
    ? "Your key or token is no longer valid. Sign in again to continue your uploads."
    : "This key or token is unknown or has expired.";
  showError(byId("sign-in-error"), problem, { lead });
}

async function signOut() {
  if (files.isBusy && !confirm("Files are still being uploaded. Cancel them and sign out?")) return;
  byId("sign-out").disabled = true;
  await Promise.race([files.clear(), sleep(CANCEL_SECONDS)]);
  byId("sign-out").disabled = false;
  service.forget();
  caller = null;
  forgetWork();
  showWorkspace(false);
  hideError(byId("sign-in-error"));
  byId("token").focus();
  tell("You are signed out.");
}

function forgetWork() {
  files.discard();
  links.clear();
  diagnosis.clear();
  byId("folder").value = "";
  for (const id of ["folders", "bucket", "grants", "subject", "issuer"]) byId(id).replaceChildren();
}

function showWorkspace(isIn) {
  byId("sign-in").hidden = isIn;
  byId("workspace").hidden = !isIn;
  byId("signed-in").hidden = !isIn;
}

function offerBuckets(grants) {
  const list = byId("bucket");
  const before = list.value;
  const buckets = bucketsOf(grants);
  list.replaceChildren(...buckets.map((name) => new Option(name, name)));
  if (buckets.includes(before)) list.value = before;
  if (list.value !== before || !byId("folder").value) suggestFolders();
  aim();
}

function suggestFolders() {
  const folders = foldersOf(caller.grants, byId("bucket").value);
  showOptions(byId("folders"), folders.filter((folder) => folder !== ""));
  byId("folder").value = folders.includes("") ? "" : (folders[0] ?? "");
  byId("folder-hint").textContent = folders.includes("")
    ? "Leave empty for the top of the bucket."
    : `Your folders: ${folders.join(", ")}`;
}

function aim() {
  const folder = asFolder(byId("folder").value);
  const place = { grants: caller.grants, bucket: byId("bucket").value, folder };
  files.aim(place);
  links.aim(place);
}

addEventListener("beforeunload", (event) => {
  if (files.isBusy) event.preventDefault();
});
// A page that the browser restores from its cache must not be signed in.
addEventListener("pagehide", () => service.forget());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
