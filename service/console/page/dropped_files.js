// The files of a drop or of an input, with those in folders.

/** Files of an input as `{file, path}`: `path` has the folders of a chosen folder. */
export const chosenFiles = (files) =>
  [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

/** Resolves to the dropped files as `{file, path}`. Call it in the event: the browser forgets the drop after it. */
export async function droppedFiles(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const found = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = [];
  for (const each of found) {
    if (each instanceof File) files.push({ file: each, path: each.name });
    else if (each) for await (const file of below(each, "")) files.push(file);
  }
  return files;
}

async function* below(entry, folder) {
  const path = folder + entry.name;
  if (entry.isFile) {
    yield { file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path };
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A browser gives up to 100 entries at a time, and none at the end.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const each of entries) yield* below(each, `${path}/`);
  }
}
