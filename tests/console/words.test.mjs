import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ago, bytes, counted, displayName, duration, fileName, lifetime, percent, timeLeft,
} from "../../service/console/page/words.js";

test("bytes", () => {
  const cases = [
    [0, "0 bytes"], [1, "1 byte"], [1023, "1023 bytes"], [1024, "1 KB"], [1536, "1.5 KB"],
    [150 * 1024 + 1, "150 KB"], [5 * 2 ** 30 + 1, "5 GB"], [48.8 * 2 ** 40, "48.8 TB"], [2 ** 50, "1024 TB"],
  ];
  for (const [count, words] of cases) assert.equal(bytes(count), words);
});

test("a duration is never longer than there is", () => {
  const cases = [
    [-5, "0 s"], [0.9, "0 s"], [1, "1 s"], [59.99, "59 s"], [60, "1 min"], [899, "14 min 59 s"],
    [3600, "1 h"], [3661, "1 h 1 min"], [86399, "23 h 59 min"], [604800, "7 d"],
  ];
  for (const [seconds, words] of cases) assert.equal(duration(seconds), words);
});

test("a link that was made for 7 days has 7 days left", () => {
  const cases = [[604799, "7 days"], [2 * 86400, "2 days"], [2 * 86400 - 1, "1 d 23 h"], [59, "59 s"]];
  for (const [seconds, words] of cases) assert.equal(timeLeft(seconds), words);
});

test("a lifetime is in its largest whole unit", () => {
  const cases = [[4, "4 seconds"], [60, "1 minute"], [5400, "90 minutes"], [3600, "1 hour"], [31536000, "365 days"]];
  for (const [seconds, words] of cases) assert.equal(lifetime(seconds), words);
});

test("an age is in its largest unit", () => {
  const now = Date.parse("2026-03-31T12:00:00Z");
  const cases = [
    [-5, "just now"], [59, "just now"], [60, "1 minute ago"], [7200, "2 hours ago"], [86400, "yesterday"],
    [3 * 86400, "3 days ago"], [40 * 86400, "last month"], [800 * 86400, "2 years ago"],
  ];
  for (const [seconds, words] of cases) assert.equal(ago(new Date(now - 1000 * seconds), now), words);
});

test("a count has its noun", () => {
  assert.deepEqual([0, 1, 20000].map((count) => counted(count, "file")), ["0 files", "1 file", "20,000 files"]);
});

test("a percentage says 100 only of all", () => {
  assert.equal(percent(999, 1000), "99 %");
  assert.equal(percent(1000, 1000), "100 %");
  assert.equal(percent(0, 0), "100 %");
});

test("a file's name is the key's last segment, cut between characters, and never empty", () => {
  assert.equal(fileName("a/b/c.txt"), "c.txt");
  assert.equal(fileName("c.txt"), "c.txt");
  assert.equal(fileName("a/"), "object");
  assert.equal(fileName("😀".repeat(300)), "😀".repeat(200));
});

test("a name cannot turn its direction", () => {
  assert.equal(displayName("photo\u202egnp.exe"), "photo\ufffdgnp.exe");
  assert.equal(displayName("\u2067\u202bx\u2069\u202c"), "\ufffd\ufffdx\ufffd\ufffd");
});

test("a name in any script is shown as it is", () => {
  for (const name of ["Müller 😀.pdf", "דוח.pdf", "\u200fتقرير.pdf"]) assert.equal(displayName(name), name);
});
