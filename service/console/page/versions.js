// The versions of one file. A deletion is among them: the store's delete marker, which hides the versions before it.

import { refuseTooLarge } from "./moves.js";

/** The versions of this very key, the newest first. Other keys that begin with it come after it. */
export async function* versionsOf(client, { bucket, key, signal }) {
  for await (const version of client.versions({ bucket, prefix: key, recursive: true, signal })) {
    if (version.key !== key) return;
    yield version;
  }
}

/** The newest version that is no deletion, or undefined, and the deletions after it, the latest first. */
export async function newestOf(client, place) {
  const deletions = [];
  for await (const version of versionsOf(client, place)) {
    if (!version.isDeleteMarker) return { version, deletions };
    deletions.push(version);
  }
  return { version: undefined, deletions };
}

const UNKEPT = "null"; // the id of a version in a bucket that keeps none
const LOOKED_AT = 1000; // versions: one page of the list

/** Whether a folder has files whose versions are kept, by the first ones in it. */
export async function keepsVersions(client, { bucket, folder, signal }) {
  let count = 0;
  for await (const { versionId } of client.versions({ bucket, prefix: folder, recursive: true, signal })) {
    if (versionId !== UNKEPT) return true;
    if ((count += 1) === LOOKED_AT) return false;
  }
  return false;
}

/**
 * Whether a copy of a version may become the newest one. Where versioning was suspended, the newest version may have no
 * id: the copy would replace it, and it would be lost.
 */
export const canBecomeNewest = (versionId, newestId) => versionId !== newestId && newestId !== UNKEPT;

/**
 * Copies a version onto its own key. There is no condition on what is the newest version by then: it stays as an older
 * one, so nothing is lost.
 *
 * @throws Error whose message is a sentence for people, or what the client throws
 */
export async function restoreVersion(client, { bucket, key, versionId, size }) {
  refuseTooLarge({ size });
  await client.copy({ bucket, key, targetKey: key, versionId, overwrite: true });
}

/** Makes the newest version the current one. A file may have been deleted several times. */
export async function restore(client, { bucket, key }) {
  const { version, deletions } = await newestOf(client, { bucket, key });
  if (!version) throw new Error("No version of this file is left.");
  for (const { versionId } of deletions) await client.delete({ bucket, key, versionId });
}
