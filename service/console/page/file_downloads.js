// Downloads what somebody selected: one file after the other, or all as a ZIP.

import { nameOf } from "./access.js";
import { archiveBatch, fetchFile } from "./archive.js";
import { Batch } from "./batch.js";
import { batchWords, zipWords } from "./batch_words.js";
import { isNameDropped } from "./downloads.js";
import { element } from "./elements.js";
import { filesOf } from "./folder_contents.js";
import { zipNames } from "./zip_names.js";
import { chooseTarget, save, tooLarge } from "./zip_target.js";
import { fileName } from "./words.js";

const BETWEEN_MS = 300; // browsers drop downloads that begin at the same time
const LATER_MS = 60_000; // when a download has begun, or never does

/** Saves each file. What the store refuses replaces nothing: it is shown in a frame that nobody sees. */
export function downloadEach(service, batches, entries, { bucket }) {
  const act = async ({ key, size, etag }, signal) => {
    const { client } = service;
    const filename = fileName(key);
    try {
      inFrame((await client.downloadUrl({ bucket, key, filename, signal })).url);
    } catch (error) {
      if (!isNameDropped(error)) throw error;
      // Without a name the frame would show the file, and browsers open one window in a turn of a click.
      const answer = await fetchFile(client, { bucket, key, size, etag }, signal);
      save(await answer.blob(), filename);
    }
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  };
  const words = batchWords("Downloading", "asked for", { nameOf: ({ name }) => name });
  return batches.start(new Batch(entries, act), words, { isRepeatable: true });
}

/** The browser has asked for it then: a sign-out does not stop it. No attribute of the page has the URL. */
function inFrame(url) {
  const frame = element("iframe");
  frame.hidden = true;
  frame.title = "Download";
  document.body.append(frame);
  frame.contentWindow.location.replace(url);
  setTimeout(() => frame.remove(), LATER_MS);
}

/** Saves a ZIP of files and of all that is in folders. Call it in the turn of a click. */
export async function downloadZip(service, batches, entries, place) {
  const { folder } = place;
  const isOne = entries.length === 1;
  const [name] = zipNames([`${isOne ? entries[0].name : nameOf(place)}.zip`]);
  const target = await chooseTarget(name);
  if (!target) return;
  const { batch, archive, size } = await begin(service, entries, place, target);
  await batches.start(batch, zipWords({ name, size, sent: () => archive.sent }));
}

async function begin(service, entries, { bucket, folder, signal }, target) {
  try {
    signal.throwIfAborted(); // somebody may have taken long to choose
    const files = await filesOf(service.client, bucket, entries, { signal });
    const size = files.reduce((all, file) => all + file.size, 0);
    if (size > target.most) throw tooLarge(target);
    return { ...archiveBatch(service, { bucket, folder, files, target }), size };
  } catch (error) {
    await target.abort();
    throw error;
  }
}
