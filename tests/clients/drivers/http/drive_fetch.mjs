// `node drive_fetch.mjs ACTION ADDRESS [FILE]`, with the key in PRESIGN_TOKEN.
import { readFileSync } from "node:fs";

const [action, address, file] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env.PRESIGN_TOKEN}` };
const body = file && readFileSync(file, "utf8"); // a Buffer cannot be sent twice
const requests = {
  get: {},
  range: { headers: { ...headers, range: "bytes=2-5" } },
  head: { method: "HEAD" },
  create: { method: "PUT", body, headers: { ...headers, "if-none-match": "*" } },
  overwrite: { method: "PUT", body },
  delete: { method: "DELETE" },
};
const answer = await fetch(address, { headers, ...requests[action] });
if (!answer.ok) throw new Error(`${answer.status}`);
process.stdout.write(action === "head" ? answer.headers.get("content-length") : await answer.text());
