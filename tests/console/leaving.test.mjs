import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./page.mjs";

const { Leaving } = await page("leaving.js");
const { PresignError } = await page("client/errors.js");

const bucket = "objects";
const at = (key, etag) => ({ bucket, key, etag });

/** Deletes the targets of a deletion. Returns the calls of the service, which has `fails` by key. */
async function run(deletion, fails = {}) {
  const calls = [];
  const service = {
    delete: async ({ key, etag }) => {
      calls.push(`${key} ${etag}`);
      if (key in fails) throw new PresignError(fails[key], "No.", { store: "http://s.example" });
    },
  };
  const done = await Promise.allSettled(deletion.targets.map((target) => deletion.delete(service, target)));
  return { calls, errors: done.flatMap(({ reason }) => reason?.message ?? []) };
}

test("many are deleted only as they were listed", async () => {
  const deletion = new Leaving().begin([at("a"), at("f/"), at("g/")], [at("a", "1"), at("f/b", "2"), at("g/c", "3")]);
  const { calls, errors } = await run(deletion, { a: "source_changed", "f/b": "not_found" });
  assert.deepEqual(calls, ["a 1", "f/b 2", "g/c 3"]);
  assert.equal(errors.length, 1);
  assert.match(errors[0], /changed since the list was read, and stays/);
  assert.deepEqual(deletion.gone.map(({ key }) => key), ["f/", "g/"]);
});

test("what comes meanwhile is kept, with its folders", async () => {
  const leaving = new Leaving();
  const deletion = leaving.begin([at("f/"), at("a")], [at("f/b", "1"), at("f/c", "2"), at("a", "3")]);
  leaving.keep(bucket, "f/b");
  assert.deepEqual(["f/", "f/b", "f/c", "a"].map((key) => leaving.hides(at(key))), [false, false, true, true]);
  assert.deepEqual((await run(deletion)).calls, ["f/c 2", "a 3"]);
  assert.deepEqual(deletion.gone.map(({ key }) => key), ["a"]);
});

test("a second deletion leaves the first one what it keeps", async () => {
  const leaving = new Leaving();
  const first = leaving.begin([at("a")], [at("a", "1")]);
  leaving.keep(bucket, "a");
  const second = leaving.begin([at("a")], [at("a", "2")]);
  assert.deepEqual((await run(first)).calls, []); // the second can be undone still
  first.end();
  assert.equal(leaving.hides(at("a")), true);
  second.end();
  assert.equal(leaving.hides(at("a")), false);
});
