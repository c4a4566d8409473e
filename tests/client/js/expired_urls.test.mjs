// Requests to the store that outlast their URL. The clock is virtual.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Fake, LIFETIME, SECRET, s3Error } from "./fake.mjs";

const MIB = 2 ** 20; // what the client reads at a time
const FILE = new File([new Uint8Array(4 * MIB)], "a.csv");
const TARGET = { bucket: "reports", key: "a.csv", parallel: 1 };
const EXPIRED = s3Error(403, "AccessDenied");
const WHOLE_AND_PARTS = [4 * MIB, 2 * MIB].map((partSize) => ({ ...TARGET, partSize }));

/** A line on which each MiB takes so many seconds, and a store that refuses what is late. */
function slowLine(fake, secondsOf) {
  const line = { attempts: 0 };
  let began = 0;
  line.onProgress = ({ sent, stage }) => {
    if (sent && stage === "sending") fake.seconds += secondsOf(line.attempts);
  };
  fake.before = ({ path }) => {
    if (!path.startsWith("store/")) {
      began = fake.seconds; // the URL is signed now
      return undefined;
    }
    line.attempts += 1;
    return fake.seconds - began >= LIFETIME ? EXPIRED : undefined;
  };
  return line;
}

/** Answers each request to the store so many seconds after it was sent. */
function answersAfter(fake, seconds, answers) {
  fake.before = ({ path }) => {
    if (!path.startsWith("store/")) return undefined;
    fake.seconds += seconds;
    return answers.length > 1 ? answers.shift() : answers[0];
  };
}

const puts = (fake) => fake.requests.filter(({ path }) => path.startsWith("store/")).length;

test("an upload goes on while each attempt gets further", async (t) => {
  for (const options of WHOLE_AND_PARTS) {
    const fake = await Fake.start(t);
    const { onProgress } = slowLine(fake, (attempt) => 1000 - 100 * attempt);
    await fake.presign().upload(FILE, { ...options, onProgress });
    assert.equal(fake.objects.get(TARGET.key).bytes.length, FILE.size);
    assert.ok(puts(fake) > 6);
    assert.ok(Math.max(...fake.waits) <= 4); // the attempts are counted again
  }
});

test("an upload that gets no further ends, and names the lifetime", async (t) => {
  for (const options of WHOLE_AND_PARTS) {
    const fake = await Fake.start(t);
    const { onProgress } = slowLine(fake, () => 500);
    const error = await fake.presign().upload(FILE, { ...options, onProgress }).catch((failed) => failed);
    assert.deepEqual([error.code, error.status, error.store], ["storage_refused", 403, fake.url]);
    assert.match(error.detail, /The URL was valid for 900 seconds, .* Send smaller parts/);
    assert.ok(!error.message.includes(SECRET));
    assert.equal(puts(fake), 6);
  }
});

test("an expired URL after other failures is signed again", async (t) => {
  const fake = await Fake.start(t);
  answersAfter(fake, LIFETIME, [s3Error(503, "SlowDown"), s3Error(503, "SlowDown"), EXPIRED, undefined]);
  await fake.presign().upload(FILE, TARGET);
  assert.equal(puts(fake), 4);
});

test("a store that refuses valid URLs is asked twice", async (t) => {
  for (const seconds of [0, LIFETIME - 1]) {
    const fake = await Fake.start(t);
    answersAfter(fake, seconds, [EXPIRED]);
    const detail = "The store refused: HTTP 403, AccessDenied.";
    await assert.rejects(fake.presign().upload(FILE, { ...TARGET, partSize: 4 * MIB }), { detail, attempts: 2 });
  }
});

test("bytes that arrive wrong late are sent twice", async (t) => {
  const fake = await Fake.start(t);
  answersAfter(fake, LIFETIME, [s3Error(400, "BadDigest")]);
  await assert.rejects(fake.presign().upload(FILE, TARGET), { code: "checksum_mismatch", attempts: 2 });
});
