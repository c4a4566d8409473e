// What few people need, and not in each minute: a menu of the header.

import { byId } from "./elements.js";
import { opensMenu } from "./menu.js";
import { showModal } from "./modal.js";

/** `mayDiagnose` returns whether the service explains why a signed URL fails. */
export function offerTools(mayDiagnose) {
  const dialog = (name, id) => ({ name, act: () => showModal(byId(id)) });
  const troubleshoot = () => {
    showModal(byId("diagnosing"));
    byId("failing").focus(); // `autofocus` would ask for the focus while the page loads, too
  };
  opensMenu(byId("tools"), () => [
    dialog("Your access", "access"),
    dialog("Keyboard", "keys"),
    ...(mayDiagnose() ? [{ name: "Troubleshoot", act: troubleshoot }] : []),
    { name: showsCode() ? "Hide code" : "Show code", act: () => showCode(!showsCode()) },
  ]);
  for (const button of document.querySelectorAll("dialog [data-close]"))
    button.addEventListener("click", () => button.closest("dialog").close());
}

const showsCode = () => byId("workspace").classList.contains("with-code");

/** Shows how to do the same in code, next to what people do on the page. */
export function showCode(isShown) {
  byId("workspace").classList.toggle("with-code", isShown);
  const places = isShown ? document.querySelectorAll(".code") : [];
  for (const place of places) place.open = true;
  const first = [...places].find((place) => place.checkVisibility());
  first?.querySelector("summary").focus();
  first?.scrollIntoView({ block: "nearest" });
}
