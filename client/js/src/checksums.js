// The checksums that S3 keeps: of bytes, and of an object that was made of parts. In base64, as S3 has them.

import { bytesOf, chunksOf } from "./source.js";

const OF_WEB_CRYPTO = { SHA256: "SHA-256", SHA1: "SHA-1" };
const MOST_AT_ONCE = 2 ** 28; // bytes: WebCrypto needs all of them in memory
const POLYNOMIAL = 0xedb88320; // CRC-32 of ISO 3309, reflected

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

/** Whether the checksum of an object in parts is made of the checksums of its parts. */
export const isOfParts = (algorithm) => algorithm in OF_WEB_CRYPTO;

/**
 * The algorithm for pieces of so many bytes: CRC32 where WebCrypto cannot compute a SHA. A page has it only
 * over https and on localhost.
 *
 * @param {"SHA256" | "SHA1" | "CRC32"} wanted
 * @param {number} bytes
 */
export function usableAlgorithm(wanted, bytes) {
  if (wanted !== "CRC32" && !isOfParts(wanted))
    throw new TypeError("checksum is one of SHA256, SHA1 and CRC32.");
  return isOfParts(wanted) && globalThis.crypto?.subtle && bytes <= MOST_AT_ONCE ? wanted : "CRC32";
}

export async function digestOf(blob, algorithm) {
  if (algorithm === "CRC32") return base64(await crc32(blob));
  return sha(await bytesOf(blob), algorithm);
}

/** The MD5 in hex, which is a part's ETag unless KMS encrypts it. Browsers have none: null. */
export async function md5Of(blob) {
  const hash = globalThis.process?.getBuiltinModule?.("node:crypto").createHash("md5");
  if (!hash) return null;
  for await (const chunk of chunksOf(blob)) hash.update(chunk);
  return hash.digest("hex");
}

/** The checksum of an object by those of its parts, without their number. */
export function composite(digests, algorithm) {
  const bytes = digests.flatMap((each) => Array.from(atob(each), (at) => at.charCodeAt(0)));
  return sha(Uint8Array.from(bytes), algorithm);
}

async function sha(bytes, algorithm) {
  return base64(new Uint8Array(await crypto.subtle.digest(OF_WEB_CRYPTO[algorithm], bytes)));
}

async function crc32(blob) {
  let value = 0;
  for await (const chunk of chunksOf(blob)) value = crc32Of(chunk, value);
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** The CRC-32 of bytes, or of those `before` and these. */
export function crc32Of(chunk, before = 0) {
  let value = ~before;
  for (let at = 0; at < chunk.length; at += 1) value = (value >>> 8) ^ TABLE[(value ^ chunk[at]) & 0xff];
  return ~value >>> 0;
}

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
