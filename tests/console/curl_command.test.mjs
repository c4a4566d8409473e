import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCurl } from "../../service/console/page/curl_command.js";

const URL = "https://store.example/b/k?X-Amz-Signature=0";
const FORM = "application/x-www-form-urlencoded";

const CASES = [
  ["", "GET", {}],
  ["-I", "HEAD", {}],
  ["--head", "HEAD", {}],
  ["-X DELETE", "DELETE", {}],
  ["-XDELETE", "DELETE", {}],
  ["--request 'DELETE'", "DELETE", {}],
  ["-H 'Content-Type: text/plain'", "GET", { "content-type": "text/plain" }],
  [`--header "X-Odd: a: \\"b\\""`, "GET", { "x-odd": 'a: "b"' }],
  ["-H 'Accept:'", "GET", {}],
  ["-fsS -o out --max-time 5", "GET", {}],
  ["--header-file x --datum y", "GET", {}],
  ["-e https://referrer.example/", "GET", {}],
  ["-T five", "PUT", {}],
  ["--upload-file five", "PUT", {}],
  ["-d hello", "POST", { "content-type": FORM, "content-length": "5" }],
  ["--data-raw $'\\'é\\n'", "POST", { "content-type": FORM, "content-length": "4" }],
  ["-X PUT --data-binary @five -H 'content-type: a/b'", "PUT", { "content-type": "a/b" }],
];

for (const [words, method, headers] of CASES)
  test(`curl ${words}`, () => {
    for (const text of [`curl ${words} '${URL}'`, `/usr/bin/curl "${URL}" \\\n  ${words}\n`]) {
      const sent = parseCurl(text);
      assert.deepEqual([sent.method, sent.url, sent.headers], [method, URL, headers]);
    }
  });

test("what is no curl command is refused", () => {
  for (const text of ["", URL, `wget ${URL}`, "curl", `curl 'unclosed ${URL}`, `mycurl ${URL}`, `curl "${URL}\\"`])
    assert.equal(parseCurl(text), null);
});
