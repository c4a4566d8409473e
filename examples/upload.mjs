// Upload a file through presign, in parallel parts, and resume after an interruption.
//
//     PRESIGN_TOKEN=… node upload.mjs --service https://presign.example.com --bucket reports FILE KEY
//
// It needs Node 20, a grant of `multipart` and `upload`, and better also of `check`. The next run finds an
// interrupted upload in FILE.presign-upload.json, which has neither the token nor a URL.

import { openAsBlob } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { upload } from "../client/js/src/presign.js"; // from a package: "presign-client"

const text = { type: "string" };
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { service: text, bucket: text, "part-size": text, parallel: text, overwrite: { type: "boolean" } },
});
const [path, key] = positionals;
if (!options.service || !options.bucket || positionals.length !== 2) {
  console.error("Usage: PRESIGN_TOKEN=… node upload.mjs --service URL --bucket BUCKET FILE KEY");
  process.exit(2);
}

/** One upload in one file. It is replaced in one step. */
const resume = {
  name: `${path}.presign-upload.json`,
  getItem: () => readFile(resume.name, "utf8").catch(() => null),
  async setItem(_, note) {
    await writeFile(`${resume.name}.new`, note);
    await rename(`${resume.name}.new`, resume.name);
  },
  removeItem: () => rm(resume.name, { force: true }),
};

function onProgress({ sent, total }) {
  if (!process.stderr.isTTY || !total) return;
  const bar = "#".repeat((40 * sent) / total).padEnd(40);
  const percent = ((100 * sent) / total).toFixed().padStart(3);
  process.stderr.write(`\r[${bar}] ${percent}% of ${(total / 2 ** 20).toFixed(1)} MiB`);
}

try {
  const { mtimeMs } = await stat(path);
  await upload(new File([await openAsBlob(path)], path, { lastModified: mtimeMs }), {
    url: options.service,
    token: process.env.PRESIGN_TOKEN ?? "",
    bucket: options.bucket,
    key,
    overwrite: options.overwrite,
    partSize: options["part-size"] && Number(options["part-size"]),
    parallel: options.parallel && Number(options.parallel),
    resume,
    onProgress,
  });
  console.log(`${options.bucket}/${key} is uploaded`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
