import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { page } from "./page.mjs";

const { Zip, centralHeader, descriptor, ending, localHeader } = await page("zip.js");
const { zipNames } = await page("zip_names.js");
const { BlobTarget } = await page("zip_target.js");

const TIME = new Date(2026, 10, 28, 13, 45, 30);
const FILES = { "a b/é😀.txt": "hello", "empty.bin": "", "large.csv": "1,2\n".repeat(70_000) };
const GIB = 2 ** 30;

/** A ZIP of files by name, in a folder that is removed. Returns its path. */
async function zipOf(t, files, options) {
  const folder = mkdtempSync(join(tmpdir(), "zip-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const chunks = [];
  const zip = new Zip(async (bytes) => void chunks.push(bytes), options);
  for (const [name, text] of Object.entries(files)) {
    const bytes = Buffer.from(text);
    const parts = [bytes.subarray(0, 7), bytes.subarray(7)];
    assert.equal(await zip.add({ name, size: bytes.length, lastModified: TIME }, parts), bytes.length);
  }
  await zip.end();
  const path = join(folder, "made.zip");
  writeFileSync(path, Buffer.concat(chunks));
  assert.equal(zip.size, Buffer.concat(chunks).length);
  return path;
}

const READ = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as made:
    assert made.testzip() is None
    print(json.dumps([[i.filename, made.read(i).decode(), i.date_time, i.is_dir(), i.external_attr >> 16,
                       i.extract_version] for i in made.infolist()]))
`;
const read = (path) => JSON.parse(execFileSync("python3", ["-c", READ, path], { encoding: "utf8" }));

for (const [kind, options, version] of [["ZIP", {}, 20], ["ZIP64", { zip64From: 0 }, 45]])
  test(`a ${kind} is what Python and unzip read`, async (t) => {
    const path = await zipOf(t, { ...FILES, "folder/": "" }, options);
    const found = read(path);
    const time = [2026, 11, 28, 13, 45, 30];
    const files = Object.entries(FILES).map(([name, text]) => [name, text, time, false, 0o100644, version]);
    assert.deepEqual(found, [...files, ["folder/", "", time, true, 0o040755, version]]);
    assert.match(execFileSync("unzip", ["-t", path], { encoding: "utf8" }), /No errors detected/);
  });

test("a ZIP without files is one", async (t) => {
  assert.deepEqual(read(await zipOf(t, {})), []);
});

const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const entry = { name: new TextEncoder().encode("a"), lastModified: TIME, crc: 7, size: 5 * GIB, offset: 6 * GIB, isLarge: true };

test("sizes and places above 4 GiB are in ZIP64", () => {
  const local = view(localHeader(entry));
  assert.deepEqual([local.getUint16(4, true), local.getUint32(18, true), local.getUint16(31, true)], [45, 0xffffffff, 1]);
  assert.equal(view(descriptor(entry)).getBigUint64(16, true), BigInt(5 * GIB));
  const central = view(centralHeader(entry));
  assert.deepEqual([24, 20, 42].map((at) => central.getUint32(at, true)), [0xffffffff, 0xffffffff, 0xffffffff]);
  const extra = [51, 59, 67].map((at) => central.getBigUint64(at, true));
  assert.deepEqual(extra, [BigInt(5 * GIB), BigInt(5 * GIB), BigInt(6 * GIB)]);
});

test("a small file far in a ZIP has only its place in ZIP64", () => {
  const central = view(centralHeader({ ...entry, size: 3, isLarge: false }));
  assert.deepEqual([central.getUint32(24, true), central.getUint32(42, true)], [3, 0xffffffff]);
  assert.deepEqual([central.getUint16(47, true), central.getUint16(49, true)], [1, 8]);
});

test("more than 65,534 files need the ends of ZIP64", () => {
  const [few, many] = [65_534, 65_535].map((count) => ending({ count, size: 100, offset: 50 }, 150));
  assert.equal(few.length, 22);
  assert.equal(many.length, 56 + 20 + 22);
  assert.equal(view(many).getBigUint64(32, true), 65_535n);
  assert.equal(view(many).getBigUint64(56 + 8, true), 150n); // where the first of them is
});

test("a file that grows beyond its entry ends the ZIP", async () => {
  const zip = new Zip(async () => {}, { zip64From: 9 });
  await assert.rejects(zip.add({ name: "a", size: 1 }, [Buffer.alloc(5), Buffer.alloc(5)]), /larger than/);
});

const NAMES = [
  ["../../etc/passwd", "__/__/etc/passwd"],
  ["/a//b", "_/a/_/b"],
  ["a\\..\\b:c*.txt", "a_.._b_c_.txt"],
  ["gnp\u202egpj.exe", "gnp_gpj.exe"],
  ["con/aux.txt", "_con/_aux.txt"],
  ["COM¹/LPT².log", "_COM¹/_LPT².log"],
  ["com3/lpt0.a.b", "_com3/_lpt0.a.b"],
  ["nul .txt", "_nul .txt"],
  ["CONIN$/conout$.txt", "_CONIN$/_conout$.txt"],
  ["CLOCK$", "_CLOCK$"],
  ["console.txt", "console.txt"],
  ["com10/com⁴/nul_.txt", "com10/com⁴/nul_.txt"],
  ["dot. ", "dot__"],
  ["line\nbreak\u0000", "line_break_"],
  ["\ud800", "\ufffd"],
  ["folder/", "folder/"],
];
for (const [path, name] of NAMES)
  test(`in a ZIP ${JSON.stringify(path)} is safe`, () => assert.deepEqual(zipNames([path]), [name]));

test("each name is there once, without case and ways of accents", () => {
  const names = zipNames(["a.txt", "A.TXT", "a.txt", "é", "e\u0301", "x", "x/y", "b\\c", "b_c"]);
  assert.deepEqual(names, ["a.txt", "A (2).TXT", "a (3).txt", "é", "e\u0301 (2)", "x (2)", "x/y", "b_c", "b_c (2)"]);
});

const SAME = [["ΑΣ/a", "ασ/a"], ["ς", "σ"], ["ſ", "S"], ["straße", "STRASSE"], ["ẞ", "ß"], ["İ", "i\u0307"], ["µ", "μ"]];
for (const names of SAME)
  test(`letters of one capital are one name: ${names}`, () => {
    assert.deepEqual(zipNames(names), [names[0], `${names[1]} (2)`]);
  });

test("a long name keeps its ending, and fits a file system", () => {
  const [name] = zipNames([`${"é".repeat(500)}.pdf`]);
  assert.ok(Buffer.byteLength(name) <= 240 && name.endsWith(".pdf"));
});

test("what Python extracts stays in its folder", async (t) => {
  const names = zipNames(["../../climbed", "/root", "ok/in.txt"]);
  const path = await zipOf(t, Object.fromEntries(names.map((name) => [name, "x"])));
  const folder = join(path, "..", "out");
  execFileSync("python3", ["-m", "zipfile", "-e", path, folder]);
  assert.deepEqual(readdirSync(folder).sort(), ["_", "__", "ok"]);
});

test("a ZIP is no longer in memory once it is saved", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.document = { createElement: () => ({ click() {} }) };
  t.after(() => delete globalThis.document);
  const target = new BlobTarget("a.zip");
  target.most = 10;
  await target.write(new Uint8Array(8));
  await target.end();
  await target.write(new Uint8Array(8)); // as much as before
});
