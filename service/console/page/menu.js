// A menu below a button, as w3.org/WAI/ARIA/apg/patterns/menu-button describes it.

import { byId, element, icon } from "./elements.js";

let opened = null; // { button, close }

/** Closes the menu that is open, if there is one. */
export const closeMenu = () => opened?.close({ isLeft: true });

/** Makes a button that opens a menu. `items` returns what it offers now, as `openMenu` takes it. */
export function opensMenu(button, items, again) {
  button.setAttribute("aria-haspopup", "menu");
  button.ariaExpanded = "false";
  button.addEventListener("click", () => {
    const isOpen = opened?.button === button;
    opened?.close();
    if (!isOpen) openMenu(button, items(), again);
  });
  return button;
}

/**
 * Shows `items`, each `{ name, icon, act }`. `act` is called when its item is chosen; before that the focus is back on
 * the button, or on what `again` returns if the button was replaced meanwhile.
 */
function openMenu(button, items, again = () => null) {
  const root = element("div", undefined, "menu");
  root.setAttribute("role", "menu");
  root.ariaLabel = button.textContent;
  root.append(...items.map((item) => itemOf(item, () => close())));
  const closing = new AbortController();
  const close = ({ isLeft = false } = {}) => {
    closing.abort();
    root.remove();
    opened = null;
    button.ariaExpanded = "false";
    if (!isLeft) ((button.isConnected ? button : again()) ?? byId("where")).focus();
  };
  byId("workspace").append(root);
  place(root, button);
  button.ariaExpanded = "true";
  opened = { button, close };
  const { signal } = closing;
  root.addEventListener("keydown", (event) => onKey(event, root, close), { signal });
  addEventListener("resize", () => close({ isLeft: true }), { signal });
  addEventListener("hashchange", () => close({ isLeft: true }), { signal });
  const onPress = ({ target }) => !root.contains(target) && !button.contains(target) && close({ isLeft: true });
  addEventListener("pointerdown", onPress, { signal });
  root.firstElementChild.focus();
}

function itemOf({ name, icon: drawn, act }, close) {
  const item = element("button");
  item.type = "button";
  item.setAttribute("role", "menuitem");
  item.tabIndex = -1;
  if (drawn) item.append(icon(drawn));
  item.append(name);
  item.addEventListener("click", () => {
    close();
    act();
  });
  return item;
}

/** Below the button, or above it where there is no room. It scrolls with the page. */
function place(root, button) {
  const at = button.getBoundingClientRect();
  const { width, height } = root.getBoundingClientRect();
  const hasRoom = at.bottom + height <= innerHeight || at.top < height;
  root.style.top = `${scrollY + (hasRoom ? at.bottom : at.top - height)}px`;
  root.style.left = `${scrollX + Math.max(8, at.right - width)}px`;
}

function onKey(event, root, close) {
  const items = [...root.children];
  const at = items.indexOf(document.activeElement);
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 };
  if (event.key === "Tab") return close(); // and on from the button
  if (event.key === "Escape") close();
  else if (event.key in moves) items[moves[event.key] % items.length].focus();
  else if (!focusByLetter(items, at, event)) return;
  event.preventDefault();
}

function focusByLetter(items, at, { key, ctrlKey, metaKey, altKey }) {
  if (key.length !== 1 || key === " " || ctrlKey || metaKey || altKey) return false;
  const next = [...items.slice(at + 1), ...items.slice(0, at + 1)];
  const found = next.find(({ textContent }) => textContent.toLowerCase().startsWith(key.toLowerCase()));
  found?.focus();
  return found !== undefined;
}
