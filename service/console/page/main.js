// The page: who is there, where they work, and the panels that do it.

import { asFolder, bucketsOf, foldersOf } from "./access.js";
import { DiagnosisPanel } from "./diagnosis_panel.js";
import { byId, hideError, showError, showOptions, tell } from "./elements.js";
import { FilesPanel } from "./files_panel.js";
import { showGrants } from "./grants_panel.js";
import { LinkPanel } from "./link_panel.js";
import { Service, sleep } from "./service.js";
import { noteViolation } from "./store.js";
import { duration } from "./words.js";

const PARTING = 10; // seconds for a store to forget what was under way

document.addEventListener("securitypolicyviolation", noteViolation);

const service = new Service(new URL("../", import.meta.url).href, leave);
const links = new LinkPanel(service);
const files = new FilesPanel(service, (bucket, key) => links.noteSent(bucket, key));
const diagnosis = new DiagnosisPanel(service);
let caller = null; // who was signed in last

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
  const refused = faultOf(token);
  if (refused) return showError(byId("sign-in-error"), new Error(refused));
  const button = byId("sign-in-form").querySelector("button");
  button.disabled = true;
  service.remember(token);
  try {
    const onWait = (seconds) => seconds && tell(`The service asks to wait ${duration(seconds)}.`);
    enter(await service.caller({ onWait }));
  } catch (error) {
    service.forget();
    if (error.status !== 401) showError(byId("sign-in-error"), error);
  }
  button.disabled = false;
}

function faultOf(token) {
  if (!token) return "Enter your key or token.";
  // A header can hold no other, and no key or token has them.
  return /^[\x21-\x7e]+$/.test(token) ? null : "This is no key or token: it has spaces or letters that none has.";
}

function enter(told) {
  const isAnother = caller && (caller.subject !== told.subject || caller.issuer !== told.issuer);
  if (isAnother) forgetWork();
  caller = told;
  byId("token").value = "";
  byId("subject").textContent = told.subject;
  byId("issuer").textContent = told.issuer ? ` of ${told.issuer}` : "";
  showGrants(told.grants);
  offerBuckets(told.grants);
  showWorkspace(true);
  diagnosis.offer();
  files.goOn();
  byId("where").focus();
}

/** The token is good no more, or never was: back to the sign-in. What is under way waits. */
function leave(problem) {
  service.forget();
  files.halt();
  byId("token").value = "";
  const isIn = !byId("workspace").hidden;
  showWorkspace(false);
  const lead = isIn
    ? "Your key or token is good no more. Sign in again; what was under way waits."
    : "This key or token is not known here, or has run out.";
  showError(byId("sign-in-error"), problem, { lead });
}

async function signOut() {
  if (files.isBusy && !confirm("Files are still on their way. Cancel them and sign out?")) return;
  byId("sign-out").disabled = true;
  await Promise.race([files.clear(), sleep(PARTING)]);
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
    ? "Empty is the top of the bucket."
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
// Whoever comes back to a page that the browser kept finds nobody signed in.
addEventListener("pagehide", () => service.forget());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
