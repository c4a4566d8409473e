import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { linkCode, uploadCode } from "../../service/console/page/snippets.js";

const BASE = "https://presign.example/below/";
const NAMES = [
  "plain.txt",
  "it's.txt",
  '"double".txt',
  "$(touch broken) `touch broken` ${HOME}.txt",
  "back\\slash\\.txt",
  "-rf",
  "é😀\u2028.txt",
  "'''\"\"\"`${}`.txt",
  "{a,b}[1-3].txt",
];
const CHECKS = {
  curl: ["bash", ["-n"]],
  python: ["python3", ["-c", "import ast, sys; ast.parse(sys.stdin.buffer.read())"]],
  javascript: [process.execPath, ["--input-type=module", "--check", "-"]],
};

function* snippets() {
  for (const name of NAMES) {
    const common = { base: BASE, bucket: name, key: `a/${name}` };
    yield linkCode({ ...common, expiresIn: 900, filename: name });
    for (const operation of ["upload", "multipart"])
      for (const overwrite of [true, false])
        yield uploadCode({ ...common, name, type: name, operation, overwrite });
  }
}

for (const [language, [command, options]] of Object.entries(CHECKS))
  test(`${language} can be read whatever the names are`, () => {
    for (const snippet of snippets()) {
      const { status, stderr } = spawnSync(command, options, { input: snippet[language] });
      assert.equal(status, 0, `${stderr}\n${snippet[language]}`);
    }
  });

test("none holds a token, and each reads it from the environment", () => {
  for (const { curl, python, javascript } of snippets()) {
    assert.match(curl, /Bearer \$PRESIGN_TOKEN"|^presign put /m); // which reads it
    assert.match(python, /os\.environ\["PRESIGN_TOKEN"\]/);
    assert.match(javascript, /process\.env\.PRESIGN_TOKEN/);
  }
});

test("the service is where the page came from, below whatever path", () => {
  for (const { needs: _needs, ...code } of snippets())
    for (const text of Object.values(code)) assert.ok(text.includes("https://presign.example/below/"), text);
});

test("overwriting is asked for only where it was chosen", () => {
  const common = { base: BASE, bucket: "b", key: "k", name: "k", type: "t/t" };
  for (const operation of ["upload", "multipart"])
    for (const language of Object.keys(CHECKS)) {
      const yes = uploadCode({ ...common, operation, overwrite: true })[language];
      const no = uploadCode({ ...common, operation, overwrite: false })[language];
      assert.match(yes, /overwrite/);
      assert.doesNotMatch(no, /overwrite/);
    }
});

test("the shell gets each name as it is, control characters too", () => {
  for (const key of [...NAMES, "it's \\u0041 \u0003\u001b\t\n\u007f\u009b"]) {
    const { curl } = uploadCode({ base: BASE, bucket: "b", key, name: "-n", type: "t/t", operation: "multipart" });
    const input = `presign() { printf '%s\\0' "$@"; }\n${curl}`;
    const { stdout } = spawnSync("bash", ["-u"], { input, env: { LC_ALL: "C.UTF-8" }, encoding: "utf8" });
    assert.deepEqual(stdout.split("\0"), ["put", "--url", BASE, "--content-type", "t/t", "./-n", `b/${key}`, ""]);
  }
});

test("no control character is left for a terminal to obey", () => {
  const folder = "a\u0003\u001b[201~\u007f\u009b/";
  const common = { base: BASE, bucket: "b", key: `${folder}k`, name: "k", type: "t/t", overwrite: false };
  for (const operation of ["upload", "multipart"])
    for (const language of Object.keys(CHECKS))
      assert.doesNotMatch(uploadCode({ ...common, operation })[language], /[^\P{Cc}\n]/u);
});
