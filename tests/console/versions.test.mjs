import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./page.mjs";

const { canBecomeNewest, restoreVersion } = await page("versions.js");
const { PresignError } = await page("client/errors.js");

const VERSION = { bucket: "b", key: "in/a", versionId: "v1", size: 5 * 2 ** 30 };

test("a restored version is copied onto its key without a condition", async () => {
  const copies = [];
  await restoreVersion({ copy: async (asked) => copies.push(asked) }, VERSION);
  assert.deepEqual(copies, [{ bucket: "b", key: "in/a", targetKey: "in/a", versionId: "v1", overwrite: true }]);
});

test("a version above 5 GB is not copied", async () => {
  const copy = () => assert.fail("It asks for a copy.");
  const large = { ...VERSION, size: VERSION.size + 1 };
  await assert.rejects(restoreVersion({ copy }, large), /^Error: It has 5 GB\. .* download and upload it\.$/);
});

test("a refused copy is reported as it is", async () => {
  const refusal = new PresignError("not_found", "No.", { status: 404, store: "http://s.example" });
  const copy = () => Promise.reject(refusal);
  await assert.rejects(restoreVersion({ copy }, VERSION), refusal);
});

test("the newest version is not restored, nor over one without an id", () => {
  assert.equal(canBecomeNewest("v1", "v2"), true);
  assert.equal(canBecomeNewest("null", "v2"), true); // it is from before versions were kept
  assert.equal(canBecomeNewest("v2", "v2"), false);
  assert.equal(canBecomeNewest("v1", "null"), false);
});
