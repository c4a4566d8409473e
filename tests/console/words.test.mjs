import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, duration, fileName, percent } from "../../service/console/page/words.js";

test("bytes", () => {
  const cases = [
    [0, "0 bytes"], [1, "1 byte"], [1023, "1023 bytes"], [1024, "1 KiB"], [1536, "1.5 KiB"],
    [150 * 1024 + 1, "150 KiB"], [5 * 2 ** 30, "5 GiB"], [48.8 * 2 ** 40, "48.8 TiB"], [2 ** 50, "1024 TiB"],
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
