// The code that uploads a file as the page would.

import { uploadCode } from "./snippets.js";

/** For the file of `row` or, without one, for an example in the folder. */
export function codeOfUpload(url, { bucket, folder }, row, overwrite) {
  const { upload, key, path } = row ?? {};
  const name = (path ?? "report.pdf").split("/").at(-1);
  return uploadCode({
    base: url,
    bucket: upload?.target.bucket ?? bucket,
    key: key ?? folder + name,
    name,
    type: upload?.type ?? "application/pdf",
    operation: upload?.operation ?? "upload",
    overwrite,
  });
}
