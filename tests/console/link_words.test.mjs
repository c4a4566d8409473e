import assert from "node:assert/strict";
import { test } from "node:test";

import { linkOf, unlisted } from "../../service/console/page/link_words.js";

const LINK = { id: "lnk_1", url: "https://x/l/1", bucket: "demo", operations: ["download"] };

test("a link to a file has its name, its place and its uses", () => {
  const { name, about } = linkOf({ ...LINK, key: "a/q3.pdf", label: "Ann", maxUses: 3, uses: 1 });
  assert.deepEqual([name, about], ["q3.pdf", "demo/a/q3.pdf · Ann · Used 1 of 3 times"]);
});

test("a request for files is named after its folder", () => {
  const box = { ...LINK, operations: ["upload"] };
  assert.equal(linkOf({ ...box, prefix: "in/smith/" }).name, "Files for smith");
  assert.equal(linkOf({ ...box, prefix: "" }).name, "Files for demo");
  assert.equal(linkOf({ ...LINK, prefix: "tiles/berlin/" }).name, "All of berlin");
});

test("a new link that no list has says its ID", () => {
  assert.match(unlisted({ id: "lnk_1", isListed: false }), /not in the list.*lnk_1$/);
  assert.equal(unlisted({ id: "lnk_1", isListed: true }), "");
  assert.equal(unlisted(linkOf({ ...LINK, key: "a" })), "");
  assert.equal(unlisted({ url: "https://store/signed" }), "");
});
