// Signing in at the issuer: the way to it and back. The token stays in memory. Only what the way back needs is
// stored, in this tab's sessionStorage, and it is removed on return.

import { NOT_STARTED_HERE, OpenIdClient, SignInError } from "./openid_connect.js";

const PENDING = "presign-sign-in";
const HANDOVER_WAIT = 2_000; // milliseconds until another tab of the page takes an answer

export class IssuerSignIn {
  #client;
  #hasSignedIn = false;
  #again = new AbortController();
  // Between the windows of this origin. A code in it is worth nothing without the verifier.
  #windows = new BroadcastChannel(PENDING);

  constructor(issuer) {
    this.#client = new OpenIdClient({
      ...issuer,
      redirectUri: location.origin + location.pathname,
      random: (count) => crypto.getRandomValues(new Uint8Array(count)),
      fetch: (...request) => fetch(...request),
    });
  }

  /** Leaves the page for the issuer, unless `isIn` says then that somebody has signed in with a key meanwhile. */
  async leave(isIn) {
    const { url, pending } = await this.#begin();
    if (isIn()) return;
    // The folder that the address names stays here: the issuer does not learn it.
    sessionStorage.setItem(PENDING, JSON.stringify({ ...pending, address: location.hash }));
    location.assign(url);
  }

  /** Signs in in another window, so that this page keeps its uploads. Returns `{ token, name }`. */
  async again() {
    this.#again.abort(); // a window that was closed says nothing
    const { signal } = (this.#again = new AbortController());
    const { url, pending } = await this.#begin();
    if (!open(url, "_blank", "popup,width=480,height=640"))
      throw new SignInError("Your browser did not open a window. Allow this page to open windows, then try again.");
    return this.#finish(await this.#answerFor(pending.state, signal), pending);
  }

  /**
   * If the issuer sent the person here, returns `{ token, name }`, or `{ isElsewhere: true }` where another window of
   * the page began the sign-in and goes on with it. Otherwise returns null.
   */
  async returned() {
    const stored = sessionStorage.getItem(PENDING);
    sessionStorage.removeItem(PENDING);
    const answer = new URLSearchParams(location.search);
    if (!answer.has("state")) return null;
    const { address = "", ...pending } = JSON.parse(stored ?? "{}");
    history.replaceState(null, "", `${location.pathname}${address}`); // a code is not left in the address
    if (stored) return this.#finish(answer, pending);
    if (!(await this.#handOver(answer))) throw new SignInError(NOT_STARTED_HERE);
    close();
    return { isElsewhere: true };
  }

  /** Leaves the page to end the issuer's session, if it signed somebody in and offers that. */
  async signOut() {
    this.#again.abort();
    if (!this.#hasSignedIn) return;
    this.#hasSignedIn = false;
    const endpoint = (await this.#client.metadata()).end_session_endpoint;
    if (!endpoint) return;
    // Without the token as a hint, which would be in an address: openid.net/specs/openid-connect-rpinitiated-1_0.html
    const url = new URL(endpoint);
    const { clientId, redirectUri } = this.#client;
    url.searchParams.set("client_id", clientId);
    url.searchParams.set("post_logout_redirect_uri", redirectUri);
    url.searchParams.set("logout_uri", redirectUri); // Amazon Cognito's name of the same
    location.assign(url);
  }

  #begin() {
    // Browsers offer digests only over https and on localhost.
    if (!isSecureContext) throw new SignInError("Open this page over https to sign in here.");
    return this.#client.begin();
  }

  async #finish(answer, pending) {
    const signedIn = await this.#client.finish(answer, pending);
    this.#hasSignedIn = true;
    return signedIn;
  }

  /** Waits for the window that `again` opened. */
  #answerFor(state, signal) {
    return new Promise((resolve) => {
      const take = ({ data: { answer } }) => {
        const parameters = new URLSearchParams(answer);
        if (parameters.get("state") !== state) return;
        this.#again.abort();
        this.#windows.postMessage({ taken: state });
        resolve(parameters);
      };
      this.#windows.addEventListener("message", take, { signal });
    });
  }

  /** Whether another window takes the answer. */
  #handOver(answer) {
    return new Promise((resolve) => {
      this.#windows.addEventListener("message", ({ data: { taken } }) => taken === answer.get("state") && resolve(true));
      setTimeout(resolve, HANDOVER_WAIT, false);
      this.#windows.postMessage({ answer: answer.toString() });
    });
  }
}
