// What the page does, as code to copy. Pure. The code reads the token from PRESIGN_TOKEN.
//
// People choose the names, so each one is quoted for its language.

/** Escapes the C1 control characters too: a terminal would obey them. */
const json = (value) =>
  JSON.stringify(value).replace(/[\u007f-\u009f]/g, (at) => `\\u00${at.charCodeAt(0).toString(16)}`);
/** JSON strings and numbers are Python literals too; only `true` differs of what occurs here. */
const literal = (value) => (value === true ? "True" : json(value));
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
/** Keeps a name that starts with a dash from being read as an option. */
const here = (name) => `./${name}`;

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

function inParts(base, body, path) {
  const { bucket, key, overwrite } = body;
  const target = { bucket, key };
  const end = overwrite ? { ...target, overwrite } : target;
  return {
    curl: `# curl sends one request, and this file goes up in parts: take Python or JavaScript,
# or "presign put", which sends parts in parallel and goes on after a stop.
`,
    python: `${PYTHON(base)}
from urllib.parse import quote

path = ${literal(path)}
size = os.path.getsize(path)
upload = ask("multipart-uploads", ${keywords(body)}, content_length=size)
here = "multipart-uploads/" + quote(upload["upload_id"], safe="")
plan = {"content_length": size, "part_size": upload["part_size"]}
parts = []
with open(path, "rb") as file:
    for number in range(1, upload["part_count"] + 1):
        [part] = ask(here + "/part-urls", ${keywords(target)}, **plan, part_numbers=[number])["parts"]
        request = Request(part["url"], file.read(part["content_length"]), part["headers"], method=part["method"])
        with urlopen(request) as answer:
            parts.append({"part_number": number, "etag": answer.headers["ETag"]})
ask(here + "/complete", ${keywords(end)}, content_length=size, parts=parts)
`,
    javascript: `import { openAsBlob } from "node:fs";

${JAVASCRIPT(base)}
const file = await openAsBlob(${json(path)});
const target = { ${members(target)} };
const plan = { ...target, content_length: file.size };
const { upload_id, part_size, part_count } = await ask("multipart-uploads", { ...plan, ${members(omit(body))} });
const here = \`multipart-uploads/\${encodeURIComponent(upload_id)}\`;
const parts = [];
for (let number = 1; number <= part_count; number++) {
  const window = { ...plan, part_size, part_numbers: [number] };
  const { parts: [part] } = await ask(\`\${here}/part-urls\`, window);
  const bytes = file.slice((number - 1) * part_size, number * part_size);
  const sent = await fetch(part.url, { method: part.method, headers: part.headers, body: bytes });
  if (!sent.ok) throw new Error(\`The store answered \${sent.status}.\`);
  parts.push({ part_number: number, etag: sent.headers.get("etag") });
}
await ask(\`\${here}/complete\`, { ...plan, parts${overwrite ? ", overwrite: true" : ""} });
`,
  };
}

const omit = ({ bucket: _bucket, key: _key, ...more }) => more;
