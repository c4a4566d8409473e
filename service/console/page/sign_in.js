// Signing in with a key or token.

import { byId, hideError, showError, tell } from "./elements.js";
import { duration } from "./words.js";

export class SignIn {
  #service;
  #error = byId("sign-in-error");

  /** `onEnter` is called with the caller, as `GET /v1/caller` describes it. */
  constructor(service, onEnter) {
    this.#service = service;
    this.onEnter = onEnter;
    byId("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#signIn(byId("token").value.trim());
    });
  }

  async #signIn(token) {
    hideError(this.#error);
    const invalid = invalidToken(token);
    if (invalid) return showError(this.#error, new Error(invalid));
    const button = byId("sign-in-form").querySelector("button");
    button.disabled = true;
    this.#service.remember(token);
    try {
      const onWait = (seconds) => seconds && tell(`Please wait ${duration(seconds)}.`);
      await this.onEnter(await this.#service.caller({ onWait }));
      byId("token").value = "";
    } catch (error) {
      this.#service.forget();
      if (error.status !== 401) showError(this.#error, error);
    }
    button.disabled = false;
  }

  /** The service refused the token: of a new caller or, with `wasIn`, of one who was signed in. */
  showExpired(problem, wasIn) {
    byId("token").value = "";
    const lead = wasIn
      ? "Your key or token is no longer valid. Sign in again to continue your uploads."
      : "This key or token is unknown or has expired.";
    showError(this.#error, problem, { lead });
  }

  reset() {
    hideError(this.#error);
    byId("token").value = "";
    byId("token").focus();
  }
}

function invalidToken(token) {
  if (!token) return "Enter your key or token.";
  // An HTTP header cannot contain other characters.
  const isPlain = /^[\x21-\x7e]+$/.test(token);
  return isPlain ? null : "This is not a key or token: it contains a space or another character that none has.";
}
