import assert from "node:assert/strict";
import { test } from "node:test";

import { accessInWords, groupsInWords, kindInWords, placeInWords } from "../../service/console/page/access_words.js";

const MIB = 2 ** 20;
const said = (allow, more) => accessInWords({ bucket: "reports", prefix: "a/", allow, ...more });

test("a place is a folder, a file or a whole bucket", () => {
  const place = (prefix) => Object.values(placeInWords({ bucket: "reports", prefix })).join(" ");
  assert.equal(place("Invoices/2026/"), "Invoices/2026 in reports");
  assert.equal(place("a.txt"), "a.txt (one file) in reports");
  assert.equal(place(""), "reports and everything in it");
});

test("the groups that gave access are said once", () => {
  const matched = [
    { claims: { "/groups": "/finance, /audit" } },
    { subject: "*" },
    { subject: "ann", claims: { "/groups": "/finance, /audit", "/https:~1~1acme.com~1job_title": "clerk" } },
  ];
  assert.equal(groupsInWords(matched), "groups: /finance, /audit; job title: clerk");
  assert.equal(groupsInWords([{ subject: "tests" }]), "");
  assert.equal(groupsInWords(undefined), "");
});

test("reading depends on whether files can be seen", () => {
  assert.deepEqual(said(["list", "download", "check"]), ["see, open and download files"]);
  assert.deepEqual(said(["list"]), ["see which files there are"]);
  assert.deepEqual(said(["download"]), ["download files whose name you know"]);
  assert.deepEqual(said(["head"]), ["check whether a file exists"]);
});

test("an upload says which files, how large and whether it may replace", () => {
  const limits = { content_types: ["application/pdf", "video/*"], max_content_length: 500 * MIB };
  assert.deepEqual(said(["upload", "multipart"], limits), ["upload PDF and video files up to 500 MB"]);
  assert.deepEqual(said(["form"]), ["upload files"]);
  assert.deepEqual(said(["multipart"], { allow_overwrite: true }), ["upload and replace files"]);
});

test("each way to upload is said once", () => {
  assert.equal(said(["upload", "multipart", "form"]).length, 1);
});

test("deleting, versions and programs are said after the rest", () => {
  assert.deepEqual(said(["sign", "versions", "delete", "download"]), [
    "download files whose name you know",
    "delete files",
    "use older versions of files",
    "connect S3 tools",
  ]);
});

test("conditions say from where, and which files", () => {
  const placed = { networks: ["203.0.113.0/24", "2001:db8::/32"], vpc_endpoints: ["vpce-01234567"] };
  const from = "do all this only from 203.0.113.0/24, 2001:db8::/32 or VPC endpoint vpce-01234567";
  assert.deepEqual(said(["upload"], placed), ["upload files", from]);
  assert.deepEqual(said(["head"], { networks: ["203.0.113.0/24"] }).at(-1), "do all this only from 203.0.113.0/24");
  const tagged = { only_if_tagged: { Scan: "ok", "Second name": "1" } };
  assert.deepEqual(said(["download", "list"], tagged), [
    "see, open and download files, if tagged Scan=ok and Second name=1",
  ]);
  assert.deepEqual(said(["list"], tagged), ["see which files there are"]);
});

test("a store's right to report is said", () => {
  assert.deepEqual(said(["notify"]), ["report which files were stored"]);
});

test("sharing says what and for how long", () => {
  const of = (...allow) => said(["link", ...allow]).at(-1);
  assert.equal(of("download"), "share files, for up to 7 days");
  assert.equal(of("upload"), "request files from others, for up to 7 days");
  const year = { max_link_expires_in: 365 * 86400 };
  assert.equal(
    said(["link", "download", "multipart"], year).at(-1),
    "share files and request files from others, for up to 365 days",
  );
  assert.deepEqual(said(["link"]), []);
});

test("kinds are called as people call them", () => {
  const names = ["text/plain; charset=utf-8", "IMAGE/*", "image/png", "audio/flac", "text/csv", "x-odd/y"];
  assert.deepEqual(names.map(kindInWords), ["plain text", "image", "PNG", "FLAC", "CSV", "x-odd/y"]);
  const both = ["application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"];
  assert.deepEqual(said(["upload"], { content_types: [...both, "text/csv", "image/*"] }), [
    "upload Word, CSV and image files",
  ]);
});
