// What the page does, as code to copy. Pure. The code reads the token from PRESIGN_TOKEN.
//
// People choose the names, so each one is quoted for its language.

/** Escapes the C1 control characters too: a terminal would obey them. */
const json = (value) =>
  JSON.stringify(value).replace(/[\u007f-\u009f]/g, (at) => `\\u00${at.charCodeAt(0).toString(16)}`);
/** JSON strings and numbers are Python literals too; only `true` differs of what occurs here. */
const literal = (value) => (value === true ? "True" : json(value));
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
/** The same for a word that may have control characters, of which a terminal would obey some. */
const word = (text) =>
  /\p{Cc}/u.test(text) ? `$'${json(text).slice(1, -1).replaceAll("'", "\\'")}'` : shell(text);
/** Keeps a name that starts with a dash from being read as an option. */
const here = (name) => `./${name}`;

const NEEDS_CLIENT = {
  curl: "Needs the command presign, of presign-client. Set PRESIGN_TOKEN to your key or token.",
  python: "Python 3.10 or later, with presign-client. Set PRESIGN_TOKEN to your key or token.",
  javascript: "Node 20.3 or later, as a module (.mjs), with presign-client. Set PRESIGN_TOKEN to your key or token.",
};

const keywords = (body) =>
  Object.entries(body)
    .map(([name, value]) => `${name}=${literal(value)}`)
    .join(", ");

const members = (body) =>
  Object.entries(body)
    .map(([name, value]) => `${name}: ${json(value)}`)
    .join(", ");

const SIGN = (base) => `sign() { curl -sS ${shell(`${base}v1/`)}"$1" -H "Authorization: Bearer $PRESIGN_TOKEN" -d "$2" | python3 -c '
import json, sys
answer = json.load(sys.stdin)
if "url" not in answer: sys.exit(answer["detail"])
print("url =", json.dumps(answer["url"], ensure_ascii=False))
for name, value in answer["headers"].items(): print("header =", json.dumps(name + ": " + value, ensure_ascii=False))
'; }
`;

const PYTHON = (base) => `import json, os
from urllib.error import HTTPError
from urllib.request import Request, urlopen

def ask(path, **body):
    headers = {"Authorization": "Bearer " + os.environ["PRESIGN_TOKEN"]}
    request = Request(${literal(`${base}v1/`)} + path, json.dumps(body).encode(), headers)
    try:
        with urlopen(request) as answer:
            return json.load(answer)
    except HTTPError as error:
        raise SystemExit(json.load(error)["detail"]) from None
`;

const JAVASCRIPT = (base) => `async function ask(path, body) {
  const headers = { authorization: \`Bearer \${process.env.PRESIGN_TOKEN}\` };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(${json(`${base}v1/`)} + path, request);
  const result = await answer.json();
  if (!answer.ok) throw new Error(result.detail);
  return result;
}
`;

export function linkCode({ base, bucket, key, expiresIn, filename }) {
  const body = { bucket, key, expires_in: expiresIn, filename };
  const path = here(filename);
  return {
    curl: `${SIGN(base)}
sign download-urls ${shell(json(body))} | curl -sSg --fail-with-body -K - -o ${shell(path)}
`,
    python: `${PYTHON(base)}
signed = ask("download-urls", ${keywords(body)})
with urlopen(Request(signed["url"], headers=signed["headers"])) as answer, open(${literal(path)}, "wb") as file:
    while chunk := answer.read(2**20):
        file.write(chunk)
`,
    javascript: `import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";

${JAVASCRIPT(base)}
const signed = await ask("download-urls", { ${members(body)} });
const answer = await fetch(signed.url, { headers: signed.headers });
if (!answer.ok) throw new Error(\`The store answered \${answer.status}.\`);
await pipeline(answer.body, createWriteStream(${json(path)}));
`,
  };
}

/** For a multipart upload it has `needs` too: by language, what people install first. */
export function uploadCode({ base, bucket, key, name, type, operation, overwrite }) {
  const body = { bucket, key, content_type: type, ...(overwrite ? { overwrite: true } : {}) };
  return operation === "upload"
    ? whole(base, body, here(name))
    : inParts(base, body, here(name));
}

function whole(base, body, path) {
  const asked = json(body).slice(0, -1);
  return {
    curl: `${SIGN(base)}
length=$(wc -c < ${shell(path)})
sign upload-urls ${shell(`${asked},"content_length":`)}"$length"'}' | curl -sSg --fail-with-body -K - -T ${shell(path)}
`,
    python: `${PYTHON(base)}
path = ${literal(path)}
signed = ask("upload-urls", ${keywords(body)}, content_length=os.path.getsize(path))
headers = {**signed["headers"], "content-length": str(signed["content_length"])}
with open(path, "rb") as file:
    urlopen(Request(signed["url"], file, headers, method=signed["method"])).close()
`,
    javascript: `import { openAsBlob } from "node:fs";

${JAVASCRIPT(base)}
const file = await openAsBlob(${json(path)});
const signed = await ask("upload-urls", { ${members(body)}, content_length: file.size });
const sent = await fetch(signed.url, { method: signed.method, headers: signed.headers, body: file });
if (!sent.ok) throw new Error(\`The store answered \${sent.status}.\`);
`,
  };
}

/** By presign's clients, which send parts in parallel, compare their checksums and resume. */
function inParts(base, { bucket, key, content_type: type, overwrite }, path) {
  const replaces = overwrite ? { overwrite } : {};
  const options = { content_type: type, ...replaces };
  return {
    needs: NEEDS_CLIENT,
    curl: `# curl sends one request, and this file goes up in parts.
presign put --url ${word(base)} --content-type ${word(type)}${overwrite ? " --overwrite" : ""} ${word(path)} ${word(`${bucket}/${key}`)}
`,
    python: `import os

from presign_client import Presign

with Presign(${literal(base)}, os.environ["PRESIGN_TOKEN"]) as presign:
    presign.upload(${[path, bucket, key].map(literal).join(", ")}, ${keywords(options)})
`,
    javascript: `import { openAsBlob } from "node:fs";
import { upload } from "presign-client";

await upload(await openAsBlob(${json(path)}), {
  url: ${json(base)},
  token: process.env.PRESIGN_TOKEN,
  ${members({ bucket, key, contentType: type, operation: "multipart", ...replaces })},
});
`,
  };
}
