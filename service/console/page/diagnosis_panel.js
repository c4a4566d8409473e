// Asks the service why a signed URL fails. Shown only if the service has that call. What is pasted is neither kept
// nor logged, and is in no address.

import { parseCurl } from "./curl_command.js";
import { announce, button, byId, copy, element, hideError, isStillAt, showError } from "./elements.js";
import { duration } from "./words.js";

/** Parses one `Name: value` per line; ignores other lines. */
function headersIn(text) {
  const found = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) found[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
  }
  return found;
}

export class DiagnosisPanel {
  isOffered = false;
  #service;

  constructor(service) {
    this.#service = service;
    byId("diagnosis-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#diagnose();
    });
  }

  async offer() {
    this.isOffered = await this.#service.client.has("/v1/diagnoses").catch(() => false);
  }

  clear() {
    byId("diagnosis-form").reset();
    this.#forget();
  }

  #forget() {
    byId("findings").replaceChildren();
    hideError(byId("diagnosis-error"));
  }

  get #asked() {
    const status = byId("failing-status").value.trim();
    if (status && !/^[1-5]\d\d$/.test(status)) throw new Error("The status must be a number such as 403.");
    const asked = request(byId("failing").value.trim());
    const headers = { ...asked.headers, ...headersIn(byId("failing-headers").value) };
    if (asked.headers || Object.keys(headers).length) asked.headers = headers;
    if (status) asked.response_status = Number(status);
    const body = byId("failing-body").value;
    if (body) asked.response_body = body;
    return asked;
  }

  async #diagnose() {
    this.#forget();
    const before = document.activeElement;
    const submit = byId("diagnosis-form").querySelector("button");
    submit.disabled = true;
    try {
      const onWait = (seconds) => seconds && announce(`Please wait ${duration(seconds)}.`);
      const { findings } = await this.#service.client.post("diagnoses", this.#asked, { onWait });
      this.#show(findings);
      if (isStillAt(before)) byId("findings").focus();
    } catch (error) {
      const lead = error.code === "forbidden" ? "Only what leads to a place of yours can be checked." : undefined;
      if (error.status !== 401) showError(byId("diagnosis-error"), error, { lead });
    }
    submit.disabled = false;
  }

  #show(findings) {
    const list = byId("findings");
    const nothing = element("li", "No problem was found.");
    list.replaceChildren(...(findings.length ? findings.map(finding) : [nothing]));
    announce(`Findings: ${findings.length}.`);
  }
}

/** The request that failed. Of a bare URL only what is filled in is known. */
function request(text) {
  const method = byId("failing-method").value;
  if (/^https?:\/\/\S+$/.test(text)) return method ? { method, url: text } : { url: text };
  const command = parseCurl(text);
  if (!command) throw new Error("Paste a URL that begins with https://, or a curl command.");
  return command;
}

function finding({ code, proven, summary, fix }) {
  const made = element("li", undefined, "finding");
  const head = element("p", undefined, "finding-head");
  head.append(element("span", proven ? "Proven" : "Likely", proven ? "badge sure" : "badge"), element("code", code));
  const text = element("pre", fix);
  text.tabIndex = 0;
  const copies = button("Copy fix", ({ target }) => copy(fix, target));
  made.append(head, element("p", summary), text, copies);
  return made;
}
