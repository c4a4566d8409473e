// Downloads of the console, also of a bucket that CloudFront delivers.

import assert from "node:assert/strict";
import test from "node:test";

import { downloadUrl } from "../../service/console/page/downloads.js";
import { useDocument } from "./fake_document.mjs";
import { page } from "./page.mjs";

function refusing(code, pointer) {
  const asked = [];
  const service = {
    async downloadUrl(options) {
      asked.push(options);
      if (asked.length > 1 || code === undefined) return { url: "https://signed" };
      throw Object.assign(new Error(code), { code, errors: pointer ? [{ pointer, detail: "" }] : [] });
    },
  };
  return { asked, service };
}

const OPTIONS = { bucket: "media", key: "a/b.txt", filename: "b.txt", expiresIn: 60 };

test("a download names its file", async () => {
  const { asked, service } = refusing();
  assert.deepEqual(await downloadUrl(service, OPTIONS), { url: "https://signed" });
  assert.deepEqual(asked, [OPTIONS]);
});

test("without a name where CloudFront drops it", async () => {
  const { asked, service } = refusing("invalid_request", "#/filename");
  assert.deepEqual(await downloadUrl(service, OPTIONS), { url: "https://signed" });
  assert.deepEqual(asked[1], { bucket: "media", key: "a/b.txt", expiresIn: 60 });
});

test("any other refusal is an error", async () => {
  for (const [code, pointer] of [["invalid_request", "#/version_id"], ["forbidden"], ["unreachable"]]) {
    const { asked, service } = refusing(code, pointer);
    await assert.rejects(downloadUrl(service, OPTIONS), { code });
    assert.equal(asked.length, 1);
  }
});

test("a frame of a download is kept for a minute", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  useDocument("status");
  const { downloadEach } = await page("file_downloads.js");
  const client = { downloadUrl: async () => ({ url: "https://store.example/a" }) };
  downloadEach({ client }, { start: (batch) => batch.run() }, [{ key: "a", name: "a" }], { bucket: "b" });
  await new Promise(setImmediate);
  const frames = () => document.body.children.filter(({ name }) => name === "iframe").map(({ address }) => address);
  assert.deepEqual(frames(), ["https://store.example/a"]);
  t.mock.timers.tick(60_000);
  assert.deepEqual(frames(), []);
});
