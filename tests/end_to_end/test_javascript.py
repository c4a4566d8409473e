"""The client for JavaScript in Node, in front of stores that verify. `test_upload_examples.py` kills it half way."""

import json
from pathlib import Path
from typing import Final
from uuid import uuid4

from tests.end_to_end.examples import node
from tests.support.processes import run_to_end
from tests.support.service import API_KEY, RunningService
from tests.support.stores import Store

CLIENT: Final = Path(__file__).parents[2] / "client" / "js" / "src" / "presign.js"
PROGRAM: Final = """
import { Presign } from "%(client)s";

const presign = new Presign({ url: "%(url)s", token: process.env.PRESIGN_TOKEN });
const bucket = "objects";
const folder = "%(folder)s";
const bytes = new Uint8Array(11 * 2 ** 20).map((_, at) => (at * 7 + (at >> 16)) %% 251);
const large = new Blob([bytes]);
const files = {
  "small ü+.txt": [new Blob(["hello"], { type: "text/plain" })],
  empty: [new Blob()],
  parts: [large, { partSize: 5 * 2 ** 20 }],
  crc32: [large, { partSize: 5 * 2 ** 20, checksum: "CRC32" }],
  "small crc32": [new Blob(["hello"]), { checksum: "CRC32" }],
  stream: [large.stream(), { partSize: 5 * 2 ** 20, size: large.size }],
};
const uploaded = {};
for (const [name, [file, options]] of Object.entries(files)) {
  await presign.upload(file, { bucket, key: folder + name, ...options });
  const { method, url, headers } = await presign.downloadUrl({ bucket, key: folder + name });
  const answer = await fetch(url, { method, headers });
  const got = new Uint8Array(await answer.arrayBuffer());
  const sent = file instanceof Blob ? new Uint8Array(await file.arrayBuffer()) : bytes;
  uploaded[name] = answer.ok && Buffer.compare(got, sent) === 0;
}
const refused = await presign.upload(large, { bucket, key: folder + "parts" }).catch(({ code }) => code);
const listed = await Array.fromAsync(presign.list({ bucket, prefix: folder }));
const keys = listed.map(({ key }) => key.slice(folder.length));
console.log(JSON.stringify({ uploaded, refused, keys: keys.sort() }));
"""


def test_objects_go_up_and_come_down(
    verifying_store: Store, verifying_service: RunningService
) -> None:
    folder = f"javascript/{uuid4().hex}/"
    where = {"client": CLIENT, "url": verifying_service.client.base_url, "folder": folder}

    done = run_to_end(
        [node(), "--input-type=module", "--eval", PROGRAM % where], env={"PRESIGN_TOKEN": API_KEY}
    )

    assert done.returncode == 0, done.stderr
    names = ["crc32", "empty", "parts", "small crc32", "small ü+.txt", "stream"]
    assert json.loads(done.stdout) == {
        "uploaded": dict.fromkeys(names, True),
        "refused": "object_exists",
        "keys": names,
    }
    head = verifying_store.admin_client().head_object(
        Bucket=verifying_store.bucket, Key=f"{folder}small ü+.txt"
    )
    assert head["ContentType"] == "text/plain"
