import assert from "node:assert/strict";
import { test } from "node:test";

import { RunningUploads } from "../../service/console/page/running_uploads.js";
import { TransferRate } from "../../service/console/page/transfer_rate.js";
import { Upload } from "../../service/console/page/upload.js";
import { UploadQueue } from "../../service/console/page/upload_queue.js";

class FakeUpload {
  state = "waiting";

  constructor(operation) {
    this.operation = operation;
  }

  async run() {
    this.state = "sending";
    await new Promise((resolve) => (this.end = resolve));
    this.state = "done";
  }
}

const queued = (...operations) => {
  const queue = new UploadQueue();
  const uploads = operations.map((operation) => new FakeUpload(operation));
  queue.add(...uploads);
  return { queue, uploads, states: () => uploads.map(({ state }) => state[0]).join("") };
};

test("six small files are sent at a time, or two large ones", async () => {
  assert.equal(queued(...Array(8).fill("upload")).states(), "ssssssww");
  const { uploads, states } = queued("multipart", "multipart", "multipart", "upload");
  assert.equal(states(), "ssww");
  uploads[0].end();
  await new Promise(setImmediate);
  assert.equal(states(), "dssw");
});

test("a small file passes a large one that waits", () => {
  assert.equal(queued("multipart", "upload", "multipart", "upload").states(), "ssws");
});

test("a halted queue starts nothing until it goes on", () => {
  const { queue, uploads, states } = queued();
  queue.suspend();
  uploads.push(new FakeUpload("upload"));
  queue.add(uploads[0]);
  assert.equal(states(), "w");
  queue.resume();
  assert.equal(states(), "s");
});

test("a paused upload leaves the queue until it is added again", async () => {
  const { queue, uploads, states } = queued(...Array(7).fill("upload"));
  uploads[6].state = "paused";
  uploads[0].end();
  await new Promise(setImmediate);
  assert.equal(states(), "dsssssp");
  uploads[6].state = "waiting";
  queue.add(uploads[6]);
  assert.equal(states(), "dssssss");
});

test("a rate is that of the last five seconds", () => {
  const rate = new TransferRate();
  assert.equal(rate.perSecond, null);
  for (let second = 0; second <= 10; second += 1) rate.note(1000 * second, second < 5 ? second : 5 + 100 * (second - 5));
  assert.equal(rate.perSecond, 100);
});

test("a rate is unknown in the first second and after a new start", () => {
  const rate = new TransferRate();
  rate.note(0, 0);
  rate.note(900, 500);
  assert.equal(rate.perSecond, null);
  rate.note(1000, 1000);
  assert.equal(rate.perSecond, 1000);
  rate.note(1100, 10);
  assert.equal(rate.perSecond, null);
});

test("an upload whose creation ends late is cancelled by nobody else", async (t) => {
  globalThis.document = { addEventListener() {} };
  t.after(() => delete globalThis.document);
  const aborted = [];
  let answer;
  const client = (name) => ({
    abortUpload: async () => void aborted.push(name),
    upload: (_file, { resume }) => new Promise((resolve) => (answer = () => resume.setItem("note", "id").then(resolve))),
  });
  const service = { client: client("first") };
  const kept = { setItem: async () => {} };
  const upload = new Upload({ service, resume: kept, onChange() {} });
  upload.run();
  await new Promise(setImmediate);
  const cancelled = upload.cancel();
  service.client = client("second");
  await answer({});
  await cancelled;
  assert.deepEqual(aborted, ["first"]);
});

test("an upload that is noted after the sign-out is left to the next tab", async (t) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  const held = new Set();
  const request = async (name, _options, work) => {
    held.add(name);
    await work();
    held.delete(name);
  };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { locks: { request } } });
  t.after(() => before ? Object.defineProperty(globalThis, "navigator", before) : delete globalThis.navigator);
  const running = new RunningUploads();
  running.add("early");
  assert.deepEqual([...held], ["presign-upload early"]);
  running.end();
  running.add("late");
  await new Promise(setImmediate);
  assert.deepEqual([...held], []);
});
