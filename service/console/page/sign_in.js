// Signing in: with a key or token, or at the issuer that the page is configured with.

import { announce, byId, element, hideError, showError } from "./elements.js";
import { dropKey, keepKey, keptKey } from "./kept_key.js";
import { notify } from "./toasts.js";
import { duration } from "./words.js";

export class SignIn {
  #service;
  #issuer = configuredIssuer();
  #error = byId("sign-in-error");
  #byIssuer = byId("sign-in-by-issuer");
  #isByIssuer = false; // while a token of the issuer is tried
  #isByKept = false; // while the key that this tab kept is tried
  #isAgain = false; // somebody was signed in, and their uploads wait

  /** `onEnter` is called with the caller, as `GET /v1/caller` describes it, and the name that an issuer gave. */
  constructor(service, onEnter) {
    this.#service = service;
    this.onEnter = onEnter;
    byId("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(() => this.#withToken(byId("token").value.trim()));
    });
    byId("keep").addEventListener("change", showWhereKept);
    showWhereKept(); // a browser may have restored the box
    if (this.#issuer) this.#offerIssuer();
    this.#try(() => this.#start());
  }

  /** Goes on where the issuer sent the person back, or with the key that this tab kept. */
  async #start() {
    const isBack = this.#issuer && (await this.#back());
    const key = isBack ? null : keptKey();
    if (key) return this.#withKept(key);
    if (!this.#issuer) byId("token").focus();
  }

  async #withKept(key) {
    this.#isByKept = true;
    byId("sign-in").hidden = true; // it would be there for a moment only
    try {
      await this.#enter({ token: key });
    } catch (error) {
      byId("sign-in").hidden = false;
      if (error.status === 401) throw error; // `showExpired` shows that
      showError(this.#error, error, { onAgain: () => this.#try(() => this.#withKept(key)) });
    } finally {
      this.#isByKept = false;
    }
  }

  #offerIssuer() {
    this.#nameIssuer();
    byId("by-issuer").hidden = false;
    this.#byIssuer.addEventListener("click", () => this.#try(() => this.#atIssuer()));
  }

  #nameIssuer() {
    this.#byIssuer.textContent = `${this.#isAgain ? "Sign in again" : "Sign in"} with ${this.#issuer.name}`;
  }

  async #withToken(token) {
    const invalid = invalidToken(token);
    if (invalid) throw new Error(invalid);
    const button = byId("sign-in-form").querySelector("button");
    button.disabled = true;
    await this.#enter({ token }).finally(() => (button.disabled = false));
    dropKey();
    if (byId("keep").checked && !keepKey(token))
      notify("Your browser keeps nothing for this page: reloading the page signs you out.");
  }

  /** Leaves the page, or opens a window if uploads wait in the page. */
  async #atIssuer() {
    const client = await this.#issuer.client;
    if (!this.#isAgain) return client.leave(() => !this.#service.client.ended.aborted);
    const signedIn = await client.again();
    if (this.#isAgain) await this.#enterByIssuer(signedIn); // nobody has used a key meanwhile
  }

  /** Returns whether the issuer sent the person here. */
  async #back() {
    const answer = await (await this.#issuer.client).returned();
    if (answer?.isElsewhere) {
      byId("sign-in").replaceChildren(element("p", "You are signed in. You can close this window."));
    } else if (answer) await this.#enterByIssuer(answer);
    return answer !== null;
  }

  async #enterByIssuer(signedIn) {
    this.#isByIssuer = true;
    dropKey(); // of somebody who signed in with a key before
    await this.#enter(signedIn).finally(() => (this.#isByIssuer = false));
  }

  async #enter({ token, name }) {
    this.#service.remember(token);
    const { client } = this.#service;
    const onWait = (seconds) => seconds && announce(`Please wait ${duration(seconds)}.`);
    try {
      await this.onEnter(await client.caller({ onWait }), name);
    } catch (error) {
      client.end();
      throw error;
    }
    byId("token").value = "";
    this.#isAgain = false;
    if (this.#issuer) this.#nameIssuer();
  }

  async #try(work) {
    hideError(this.#error);
    try {
      await work();
    } catch (error) {
      if (error.status !== 401) showError(this.#error, error); // `showExpired` shows that
    }
  }

  /** The service refused the token: of a new caller or, with `wasIn`, of one who was signed in. */
  showExpired(problem, wasIn) {
    byId("token").value = "";
    dropKey();
    this.#isAgain ||= wasIn;
    if (this.#issuer) this.#nameIssuer();
    showError(this.#error, { ...problem, message: this.#refusal(wasIn) });
  }

  #refusal(wasIn) {
    if (wasIn) return "Your sign-in has expired. Sign in again to continue your uploads.";
    if (this.#isByKept) return "Your sign-in has expired. Sign in again.";
    if (this.#isByIssuer) return `${this.#issuer.name} signed you in, but you have no access here. Tell your administrator.`;
    return "This key or token is unknown or has expired.";
  }

  /** Forgets the key, then ends what the person does by `leave`, and the issuer's session too. */
  async signOut(leave) {
    dropKey(); // whatever becomes of the rest
    await leave();
    hideError(this.#error);
    this.#isAgain = false;
    byId("token").value = "";
    byId("keep").checked = false; // the next person chooses
    showWhereKept();
    byId("token").focus();
    if (!this.#issuer) return;
    this.#nameIssuer();
    await this.#try(async () => (await this.#issuer.client).signOut());
  }
}

/** The issuer that the page is configured with, or null. Only then its modules are loaded, which are 12 KB. */
function configuredIssuer() {
  const { issuer, issuerName, clientId } = document.documentElement.dataset;
  if (!issuer) return null;
  const settings = { name: issuerName, issuer, clientId };
  const client = import("./issuer_sign_in.js").then(({ IssuerSignIn }) => new IssuerSignIn(settings));
  return { name: issuerName, client };
}

/** Says how long the page keeps the key that is typed. */
function showWhereKept() {
  const { checked } = byId("keep");
  byId("kept-in-page").hidden = checked;
  byId("kept-in-tab").hidden = !checked;
}

function invalidToken(token) {
  if (!token) return "Enter your key or token.";
  // An HTTP header cannot contain other characters.
  const isPlain = /^[\x21-\x7e]+$/.test(token);
  return isPlain ? null : "This is not a key or token: it contains a space or another character that none has.";
}
