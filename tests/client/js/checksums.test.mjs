import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { crc32 } from "node:zlib";

import { composite, digestOf, usableAlgorithm } from "../../../client/js/src/checksums.js";

const hashed = (name, bytes) => createHash(name).update(bytes).digest("base64");

test("digests are those of Node's own libraries", async () => {
  for (const size of [0, 1, 255, 2 ** 20, 2 ** 20 + 1]) {
    const bytes = randomBytes(size);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(bytes));
    assert.equal(await digestOf(new Blob([bytes]), "SHA256"), hashed("sha256", bytes));
    assert.equal(await digestOf(new Blob([bytes]), "SHA1"), hashed("sha1", bytes));
    assert.equal(await digestOf(new Blob([bytes]), "CRC32"), crc.toString("base64"));
  }
});

test("CRC32 has the check value of its catalogue", async () => {
  // CRC-32/ISO-HDLC of "123456789" is 0xcbf43926
  assert.equal(await digestOf(new Blob(["123456789"]), "CRC32"), Buffer.from("cbf43926", "hex").toString("base64"));
});

test("a composite is the digest of the digests", async () => {
  const digests = ["a", "b"].map((part) => hashed("sha256", part));
  const joined = Buffer.concat(digests.map((each) => Buffer.from(each, "base64")));
  assert.equal(await composite(digests, "SHA256"), hashed("sha256", joined));
});

test("CRC32 is used for what WebCrypto cannot hold", () => {
  assert.equal(usableAlgorithm("SHA256", 2 ** 28), "SHA256");
  assert.equal(usableAlgorithm("SHA256", 2 ** 28 + 1), "CRC32");
  assert.equal(usableAlgorithm("CRC32", 1), "CRC32");
  assert.throws(() => usableAlgorithm("MD5", 1), TypeError);
});
