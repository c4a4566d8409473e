import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as access from "../../service/console/page/access.js";

// tests/access/test_content_types.py reads the same cases.
const CASES = JSON.parse(readFileSync(new URL("../data/content-types.json", import.meta.url), "utf8"));
const MIB = 2 ** 20;
const grant = (more) => ({ bucket: "b", prefix: "", allow: ["upload", "multipart"], allow_overwrite: false, ...more });
const file = (more) => ({ size: 5, type: "text/plain", ...more });
const way = (grants, key, more) => access.uploadWay(grants, "b", key, file(more));

test("buckets and folders are those of the grants, each once", () => {
  const grants = [
    grant({ prefix: "a/" }),
    grant({ prefix: "a/" }),
    grant({ prefix: "a/x/one.txt" }),
    grant({ prefix: "top.txt" }),
    grant({ bucket: "c", prefix: "z/" }),
  ];
  assert.deepEqual(access.bucketsOf(grants), ["b", "c"]);
  assert.deepEqual(access.foldersOf(grants, "b"), ["a/", "a/x/", ""]);
});

test("what is opened first has all grants in it", () => {
  assert.deepEqual(access.startOf([]), { bucket: null, folder: "" });
  assert.deepEqual(access.startOf([grant(), grant({ bucket: "c" })]), { bucket: null, folder: "" });
  assert.deepEqual(access.startOf([grant({ prefix: "a/x/" })]), { bucket: "b", folder: "a/x/" });
  assert.deepEqual(access.startOf([grant({ prefix: "a/" }), grant({ prefix: "c/" })]), { bucket: "b", folder: "" });
});

test("a folder shows what grants name directly below it", () => {
  const grants = [grant({ prefix: "a/x/" }), grant({ prefix: "a/y/" }), grant({ prefix: "a/one.txt" }), grant()];
  assert.deepEqual(access.namedBelow(grants, "b", ""), ["a/"]);
  assert.deepEqual(access.namedBelow(grants, "b", "a/"), ["a/x/", "a/y/", "a/one.txt"]);
  assert.deepEqual(access.namedBelow(grants, "c", ""), []);
});

test("a place is called by its folder, or its bucket", () => {
  assert.equal(access.nameOf({ bucket: "b", folder: "" }), "b");
  assert.equal(access.nameOf({ bucket: "b", folder: "a/c/" }), "c");
});

test("a prefix covers what is below it and never its neighbour; one that is a key covers that key", () => {
  const covers = (prefix, key) => access.may([grant({ prefix })], "upload", "b", key);
  assert.ok(covers("", "k"));
  assert.ok(covers("a/", "a/k"));
  assert.ok(!covers("a/", "ab"));
  assert.ok(covers("a/k", "a/k"));
  assert.ok(!covers("a/k", "a/k2"));
});

test("small files go whole, large ones in parts, as far as that is granted", () => {
  const both = [grant()];
  assert.equal(way(both, "k", { size: 16 * MIB }).operation, "upload");
  assert.equal(way(both, "k", { size: 16 * MIB + 1 }).operation, "multipart");
  assert.equal(way([grant({ allow: ["upload"] })], "k", { size: 99 * MIB }).operation, "upload");
  assert.equal(way([grant({ allow: ["multipart"] })], "k", { size: 5 }).operation, "multipart");
});

test("nothing in parts, and more than 5 GiB whole, cannot be sent", () => {
  const said = "A file of this size cannot be uploaded here.";
  assert.deepEqual(way([grant({ allow: ["multipart"] })], "k", { size: 0 }), { reason: said });
  assert.deepEqual(way([grant({ allow: ["upload"] })], "k", { size: 5 * 2 ** 30 + 1 }), { reason: said });
  assert.equal(way([grant()], "k", { size: 0 }).operation, "upload");
});

test("a limit is told with what the file has; another grant that has no such limit is enough", () => {
  const small = grant({ max_content_length: 10 });
  assert.equal(way([small], "k", { size: 11 }).reason, "This file has 11 bytes. Files may have up to 10 bytes here.");
  assert.equal(way([small], "k", { size: 10 }).operation, "upload");
  assert.equal(way([small, grant()], "k", { size: 11 }).operation, "upload");
});

test("types fit by name or by family, whatever their case and parameters", () => {
  const typed = grant({ content_types: ["text/plain", "image/*"] });
  for (const type of ["text/plain", "Text/Plain; charset=utf-8", "image/png"])
    assert.equal(way([typed], "k", { type }).operation, "upload", type);
  const { reason } = way([typed], "k", { type: "application/pdf" });
  assert.equal(reason, "Only files of these types are allowed here: plain text, image.");
});

test("a pattern matches the types that the service lets it match", () => {
  for (const { pattern, matched, others } of CASES) {
    const typed = grant({ content_types: [pattern] });
    for (const type of matched) assert.equal(way([typed], "k", { type }).operation, "upload", `${pattern} ${type}`);
    for (const type of others) assert.ok(way([typed], "k", { type }).reason, `${pattern} ${type}`);
  }
});

test("outside of the grants nothing is offered", () => {
  assert.match(way([grant({ prefix: "a/" })], "b/k").reason, /a file with this name to this folder/);
  assert.match(way([], "k").reason, /a file with this name to this folder/);
  assert.ok(!access.offersSending([grant({ allow: ["download"] })], "b"));
});

test("a key that no URL can carry is refused before it is asked for", () => {
  for (const key of ["a/../b", ".", "a/.", "a\nb", "a\u0000", "\ud800", "é".repeat(513)])
    assert.ok(access.invalidKey(key), JSON.stringify(key));
  for (const key of ["a/b", "a//b", ".hidden", "a..b", "<img src=x>", "é".repeat(512), "😀 +%"])
    assert.equal(access.invalidKey(key), null, key);
});

test("the longest lifetime is the greatest of those that cover the key", () => {
  const allow = ["download"];
  const grants = [grant({ allow, max_expires_in: 60 }), grant({ allow, prefix: "a/", max_expires_in: 600 })];
  assert.equal(access.longest(grants, "download", "b", "k", 1000), 60);
  assert.equal(access.longest(grants, "download", "b", "a/k", 1000), 600);
  assert.equal(access.longest([grant({ allow })], "download", "b", "k", 1000), 1000);
  assert.equal(access.longest(grants, "download", "c", "k", 1000), 0);
});

test("limits are said of what covers the whole folder, and of single names in it", () => {
  const limited = grant({ max_content_length: MIB, content_types: ["image/*"] });
  const grants = [
    limited,
    grant({ prefix: "a/one.txt" }),
    grant({ prefix: "a/b/" }),
    grant({ prefix: "a/", allow: ["download"] }),
  ];
  const said = ["Files up to 1 MB of these types: image.", "These names: one.txt."];
  assert.deepEqual(access.limitsOf(grants, "b", "a/"), said);
  assert.deepEqual(access.limitsOf([limited, grant({ prefix: "a/" })], "b", "a/"), []);
  assert.deepEqual(access.limitsOf([grant({ prefix: "a/" })], "b", ""), []);
});

test("one grant must allow both versions and what is done with them", () => {
  const both = grant({ prefix: "a/", allow: ["delete", "versions"] });
  const apart = [grant({ prefix: "a/", allow: ["delete"] }), grant({ prefix: "a/", allow: ["versions"] })];
  assert.equal(access.mayWithVersions([both], "delete", "b", "a/x"), true);
  assert.equal(access.mayWithVersions([both], "download", "b", "a/x"), false);
  assert.equal(access.mayWithVersions([both], "delete", "b", "c/x"), false);
  assert.equal(access.mayWithVersions(apart, "delete", "b", "a/x"), false);
});

test("versions are listed below a folder, not for the grant of one key", () => {
  const allow = ["list", "versions"];
  assert.equal(access.mayListVersions([grant({ prefix: "a/", allow })], "b", "a/x"), true);
  assert.equal(access.mayListVersions([grant({ allow })], "b", ""), true);
  assert.equal(access.mayListVersions([grant({ prefix: "a/", allow })], "b", ""), false);
  assert.equal(access.mayListVersions([grant({ prefix: "a/x", allow })], "b", "a/x"), false);
});

test("grants with limits take no copies", () => {
  const limited = grant({ prefix: "in/", max_content_length: 5 });
  const typed = grant({ content_types: ["image/*"], allow_overwrite: true });
  assert.equal(access.takesCopies([limited, typed], "b", "in/a"), false);
  assert.equal(access.takesCopies([limited, grant()], "b", "in/a"), true);
  assert.equal(access.mayCopyOver([limited, typed, grant()], "b", "in/a"), false);
  assert.equal(access.mayCopyOver([grant({ allow_overwrite: true })], "b", "in/a"), true);
});

test("a version is restored where it may be read and copied over its key", () => {
  const read = grant({ allow: ["download", "versions"] });
  const write = grant({ prefix: "a/", allow: ["upload"], allow_overwrite: true });
  const may = (...grants) => access.mayRestoreVersion(grants, "b", "a/x");
  assert.equal(may(read, write), true);
  assert.equal(may(grant({ allow: ["download"] }), grant({ allow: ["versions"] }), write), false);
  assert.equal(may(read, { ...write, allow_overwrite: false }), false);
  assert.equal(may(read, { ...write, allow: ["multipart"] }), false);
  assert.equal(may(read, { ...write, prefix: "c/" }), false);
  assert.equal(may(read, { ...write, max_content_length: 5 }), false);
  assert.equal(may(read, { ...write, content_types: ["text/plain"] }), false);
});
