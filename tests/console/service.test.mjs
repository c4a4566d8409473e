import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./page.mjs";

const { Service } = await page("service.js");
const { isInterruption } = await page("batch.js");
const { move } = await page("moves.js");
const { restore } = await page("versions.js");

const BASE = "http://s.example/";
const STORE = "http://store.example";
const ENDED = { status: 401, detail: "The sign-in has ended." };
const signed = (path, headers = {}) => ({ method: "POST", url: `${STORE}/${path}?X-Amz-Expires=60`, headers });
const json = (body, status = 200) => Response.json(body, { status });
const problem = (status, code) =>
  new Response(JSON.stringify({ code, detail: "No." }), { status, headers: { "content-type": "application/problem+json" } });

/** A service that `first` has signed in to, and what was `sent`. `answers` has functions by the end of a request's path. */
function start(t, answers) {
  const [sent, heard] = [[], []];
  const given = globalThis.fetch;
  t.after(() => (globalThis.fetch = given));
  globalThis.fetch = async (url, { headers, signal }) => {
    const { origin, pathname } = new URL(url);
    sent.push(`${origin === STORE ? "store" : headers.authorization} ${pathname}`);
    const [, answer] = Object.entries(answers).find(([path]) => pathname.endsWith(path));
    const answered = await answer();
    signal.throwIfAborted();
    return answered;
  };
  const service = new Service(BASE, () => heard.push("unauthenticated"));
  service.onForbidden = () => heard.push("forbidden");
  service.remember("first");
  const change = () => service.remember("second");
  return { service, sent, heard, change };
}

test("a deletion that is to be tried again ends with the sign-in", async (t) => {
  const { service, sent, change } = start(t, {
    "delete-urls": () => json(signed("a")),
    "/a": () => {
      change();
      return new Response("", { status: 503 });
    },
  });
  await assert.rejects(service.client.delete({ bucket: "b", key: "a" }), ENDED);
  assert.deepEqual(sent, ["Bearer first /v1/delete-urls", "store /a"]);
});

test("a call that waits for a busy service ends with the sign-in", async (t) => {
  const { service, sent, change } = start(t, { caller: () => problem(503, "overloaded") });
  const asked = service.client.caller();
  const isEnded = assert.rejects(asked, ENDED);
  await new Promise((resolve) => setTimeout(resolve));
  change();
  await isEnded;
  assert.deepEqual(sent, ["Bearer first /v1/caller"]);
});

test("a URL that arrives after the sign-in is worth nothing", async (t) => {
  const { service, sent, heard } = start(t, {
    "download-urls": () => {
      service.forget();
      return json(signed("a"));
    },
  });
  const asked = () => service.client.downloadUrl({ bucket: "b", key: "a" });
  await assert.rejects(asked(), ENDED);
  await assert.rejects(asked(), ENDED);
  assert.deepEqual([heard, sent.length], [[], 1]);
});

test("refusals of an earlier sign-in change nothing for the next person", async (t) => {
  let status = 401;
  const { service, heard, change } = start(t, {
    caller: () => {
      change();
      return problem(status, "no");
    },
    links: () => problem(status, "no"),
  });
  await assert.rejects(service.client.caller(), ENDED);
  await assert.rejects(service.client.revokeLink("links"), { status: 401, detail: "No." });
  status = 403;
  await assert.rejects(service.client.revokeLink("links"), { status: 403 });
  assert.deepEqual(heard, ["unauthenticated", "forbidden"]);
});

test("an upload that was begun is known though the sign-in ended", async (t) => {
  const { service, sent, change } = start(t, {
    "multipart-uploads": () => {
      change();
      return json({ upload_id: "u" });
    },
  });
  const { client } = service;
  const begin = () => client.call("POST", "v1/multipart-uploads", { body: {}, isRepeatable: false });
  assert.deepEqual(await begin(), { upload_id: "u" });
  await assert.rejects(begin(), ENDED);
  assert.equal(sent.length, 1);
});

test("no upload is begun after a wait for which the sign-in was too short", async (t) => {
  const { service, sent, change } = start(t, {
    "multipart-uploads": () => {
      change();
      return problem(429, "rate_limited");
    },
  });
  const begun = service.client.call("POST", "v1/multipart-uploads", { body: {}, isRepeatable: false });
  await assert.rejects(begun, ENDED);
  assert.equal(sent.length, 1);
});

test("a copy that outlives the sign-in leaves the original", async (t) => {
  const { service, sent, change } = start(t, {
    "copy-urls": () => json(signed("to/a", { "x-amz-copy-source": "b/a" })),
    "/to/a": () => {
      change();
      return new Response("<CopyObjectResult><ETag>e1</ETag></CopyObjectResult>");
    },
    "delete-urls": () => json(signed("a")),
    "/a": () => new Response(""),
    objects: () => json({ prefixes: [], objects: [{ key: "to/a", size: 1, etag: '"e1"', last_modified: "2026-01-01T00:00:00Z" }] }),
  });
  const item = { bucket: "b", key: "a", size: 1, etag: "e1", targetBucket: "b", targetKey: "to/a", isCopied: false };
  const grants = [{ bucket: "b", prefix: "", allow: ["list", "download", "upload", "delete"] }];
  const act = () => move(service.client, grants, item, { taken: new Set(), own: new Set() });
  await assert.rejects(act(), isInterruption);
  assert.deepEqual(sent, ["Bearer first /v1/copy-urls", "store /to/a"]);
  assert.equal(await act(), true); // the same person goes on
  assert.deepEqual(sent.slice(2), ["Bearer second /v1/objects", "Bearer second /v1/delete-urls", "store /a"]);
});

test("no deletion is undone by the next person", async (t) => {
  const marker = { key: "a", version_id: "v2", is_latest: true, is_delete_marker: true, last_modified: "2026-01-01T00:00:00Z" };
  const versions = [marker, { ...marker, version_id: "v1", is_delete_marker: false }];
  const { service, sent, change } = start(t, {
    "object-versions": () => {
      change();
      return json({ prefixes: [], versions });
    },
  });
  await assert.rejects(restore(service.client, { bucket: "b", key: "a" }), ENDED);
  assert.equal(sent.length, 1);
});

test("the page reads an ETag from the list", async () => {
  const { client } = new Service(BASE, () => {});
  const entries = [{ key: "a", etag: "e1" }, { key: "ab", etag: "e2" }];
  client.list = async function* ({ prefix, recursive }) {
    assert.deepEqual([prefix, recursive], ["a", true]);
    yield* entries;
  };
  assert.equal(await client.etag({ bucket: "objects", key: "a" }), "e1");
  entries.shift();
  await assert.rejects(client.etag({ bucket: "objects", key: "a" }), (error) => error.code === "not_found");
});
