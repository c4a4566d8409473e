// The key or token of a person who chose to stay signed in in this tab: in its sessionStorage, which no other tab
// reads and which ends with the tab. Signing out removes it.

const NAME = "presign-key";

/** The key that this tab keeps, or null. */
export const keptKey = () => withStorage((storage) => storage.getItem(NAME)) ?? null;

/** Returns whether the browser keeps it. */
export function keepKey(key) {
  return withStorage((storage) => storage.setItem(NAME, key) ?? true) ?? false;
}

export function dropKey() {
  withStorage((storage) => storage.removeItem(NAME));
}

/** A browser that is set to store nothing throws even when it is asked what it has. */
function withStorage(use) {
  try {
    return use(sessionStorage);
  } catch {
    return undefined;
  }
}
