// Signing in: with a key or token, or at the issuer that the page is configured with.

import { announce, byId, element, hideError, showError } from "./elements.js";
import { duration } from "./words.js";

export class SignIn {
  #service;
  #issuer = configuredIssuer();
  #error = byId("sign-in-error");
  #byIssuer = byId("sign-in-by-issuer");
  #isByIssuer = false; // while a token of the issuer is tried
  #isAgain = false; // somebody was signed in, and their uploads wait

  /** `onEnter` is called with the caller, as `GET /v1/caller` describes it, and the name that an issuer gave. */
  constructor(service, onEnter) {
    this.#service = service;
    this.onEnter = onEnter;
    byId("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(() => this.#withToken(byId("token").value.trim()));
    });
    if (this.#issuer) this.#offerIssuer();
  }

  #offerIssuer() {
    this.#nameIssuer();
    byId("by-issuer").hidden = false;
    this.#byIssuer.addEventListener("click", () => this.#try(() => this.#atIssuer()));
    this.#try(() => this.#back());
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
  }

  /** Leaves the page, or opens a window if uploads wait in the page. */
  async #atIssuer() {
    const client = await this.#issuer.client;
    if (!this.#isAgain) return client.leave();
    await this.#enterByIssuer(await client.again());
  }

  /** Goes on where the issuer sent the person back. */
  async #back() {
    const answer = await (await this.#issuer.client).returned();
    if (answer?.isElsewhere) {
      byId("sign-in").replaceChildren(element("p", "You are signed in. You can close this window."));
    } else if (answer) await this.#enterByIssuer(answer);
  }

  async #enterByIssuer(signedIn) {
    this.#isByIssuer = true;
    await this.#enter(signedIn).finally(() => (this.#isByIssuer = false));
  }

  async #enter({ token, name }) {
    this.#service.remember(token);
    const onWait = (seconds) => seconds && announce(`Please wait ${duration(seconds)}.`);
    try {
      await this.onEnter(await this.#service.caller({ onWait }), name);
    } catch (error) {
      this.#service.forget();
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
    this.#isAgain ||= wasIn;
    if (this.#issuer) this.#nameIssuer();
    showError(this.#error, { ...problem, message: this.#refusal(wasIn) });
  }

  #refusal(wasIn) {
    if (wasIn) return "Your sign-in has expired. Sign in again to continue your uploads.";
    if (this.#isByIssuer) return `${this.#issuer.name} signed you in, but you have no access here. Tell your administrator.`;
    return "This key or token is unknown or has expired.";
  }

  /** Forgets who was signed in, and ends the issuer's session too. */
  async signOut() {
    hideError(this.#error);
    this.#isAgain = false;
    byId("token").value = "";
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

function invalidToken(token) {
  if (!token) return "Enter your key or token.";
  // An HTTP header cannot contain other characters.
  const isPlain = /^[\x21-\x7e]+$/.test(token);
  return isPlain ? null : "This is not a key or token: it contains a space or another character that none has.";
}
