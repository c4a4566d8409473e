// The page: who is signed in, and what they see then.

import { sleep } from "./client/retries.js";
import { announce, byId } from "./elements.js";
import { showTitle } from "./page_title.js";
import { Service } from "./service.js";
import { SignIn } from "./sign_in.js";

const CANCEL_SECONDS = 10; // to abort uploads at the store when signing out
const STYLES = ["./files.css", "./listing.css", "./selection.css", "./uploads.css", "./dock.css", "./share.css"];

const service = new Service(new URL("../", import.meta.url).href, expire);
const signIn = new SignIn(service, enter);
let workspace = null; // loaded for the first caller, so that the page itself appears early

byId("sign-out").addEventListener("click", signOut);

/** `name` is the person's at the issuer, if one signed them in. */
async function enter(caller, name) {
  if (!workspace) {
    const { ended } = service.client;
    const { Workspace } = await loadWorkspace();
    ended.throwIfAborted(); // somebody else signs in meanwhile
    workspace = new Workspace(service);
  }
  byId("subject").textContent = name ?? caller.subject;
  showWorkspace(true);
  workspace.enter(caller);
}

async function loadWorkspace() {
  const [loaded] = await Promise.all([import("./workspace.js"), ...STYLES.map(addStyles)]);
  return loaded;
}

/** Resolves when the styles apply, or did not load: the page works without them. */
function addStyles(name) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(name, import.meta.url).href;
  const applied = new Promise((resolve) => (link.onload = link.onerror = resolve));
  document.head.append(link);
  return applied;
}

/** Back to the sign-in, because the token is not valid. Uploads wait. */
function expire(problem) {
  service.forget();
  workspace?.suspend();
  const wasIn = !byId("workspace").hidden;
  showWorkspace(false);
  signIn.showExpired(problem, wasIn);
}

async function signOut() {
  if (await workspace.mayBeLeft()) await signIn.signOut(leave);
}

/** Cancels what is left, and forgets the person. */
async function leave() {
  byId("sign-out").disabled = true;
  workspace.suspend();
  const waited = sleep(CANCEL_SECONDS, service.client.ended).catch(() => {}); // who signs in meanwhile is not signed out
  await Promise.race([workspace.cancelUploads(), waited]);
  byId("sign-out").disabled = false;
  service.forget();
  workspace.clear();
  byId("subject").textContent = "";
  showWorkspace(false);
  announce("You are signed out.");
}

function showWorkspace(isIn) {
  byId("sign-in").hidden = isIn;
  byId("workspace").hidden = !isIn;
  byId("signed-in").hidden = !isIn;
  if (isIn) return;
  showTitle();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

addEventListener("beforeunload", (event) => {
  if (workspace?.isBusy) event.preventDefault();
});
// A page that the browser restores from its cache must not be signed in.
addEventListener("pagehide", () => service.forget());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
