"""What the Hugging Face Hub costs: a file, a snapshot, and the listing of a long revision.

    python -m benchmarks.hub

As in `proto.py`, in CPU time without the kernel: a service in a process of its own, and a store in this
one that lists any revision. `docs/hugging-face.md` has the figures.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http.server import ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from benchmarks import asking, sides
from benchmarks.issuing import Issuing
from benchmarks.sides import Worker
from benchmarks.signers import REGION
from benchmarks.targets import API_KEY, MAKER, resident_mib

ROUNDS: Final = 31
SNAPSHOT: Final = 200  # files
LONG: Final = 10_000  # files, the most that a revision may have
_LONG_REVISIONS: Final = 4  # all of them are kept at once
_REPOSITORY: Final = "acme/llama"
_CREDENTIAL: Final = f"Authorization: Bearer {API_KEY}\r\n"
_OBJECT: Final = (
    "<Contents><Key>{key}</Key><LastModified>2026-11-29T00:00:00.000Z</LastModified>"
    "<ETag>&quot;{etag}&quot;</ETag><Size>1000</Size></Contents>"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU in µs and ms, `long_seconds` by the clock, and memory in MiB."""

    snapshot_requests: int  # at the store, but for the GETs
    file_us: float
    file_of_object_url: float
    long_requests: int
    long_ms: float
    long_seconds: float
    long_held_ms: float
    long_mib: float


class Store(ThreadingHTTPServer):
    """`listings` is how often it was asked for one."""

    listings = 0


class Handler(Issuing):
    """Lists a revision with as many files as the last part of its name says: `v1-200`."""

    server: Store

    def do_GET(self) -> None:  # noqa: N802 - its name in http.server
        query = {name: each[0] for name, each in parse_qs(urlsplit(self.path).query).items()}
        if "list-type" not in query:
            super().do_GET()
            return
        self.server.listings += 1
        prefix, first = query["prefix"], int(query.get("continuation-token", 0))
        count = int(prefix.removesuffix("/").rpartition("-")[2])
        last = min(first + int(query["max-keys"]), count)
        self._answer(_page(prefix, range(first, last), is_last=last == count), "application/xml")


def _page(prefix: str, numbers: range, *, is_last: bool) -> bytes:
    listed = (
        _OBJECT.format(key=f"{prefix}{name_of(number)}", etag=f"{number:032x}")
        for number in numbers
    )
    token = "" if is_last else f"<NextContinuationToken>{numbers.stop}</NextContinuationToken>"
    return (
        f"<ListBucketResult><EncodingType>url</EncodingType>"
        f"<IsTruncated>{str(not is_last).lower()}</IsTruncated>{token}{''.join(listed)}"
        f"</ListBucketResult>"
    ).encode()


def name_of(number: int) -> str:
    return f"shards/model-{number:05}-of-10000.safetensors"


def measure(rounds: int = ROUNDS, long: int = LONG) -> Figures:
    """`long` is how many files the long revisions have."""
    with _running() as (worker, store):
        requests = _snapshot(worker, store)
        us, ratio = _file(worker, rounds)
        return Figures(requests, us, ratio, *_long(worker, store, long))


def _snapshot(worker: Worker, store: Store) -> int:
    """What a client asks for: the description of the revision, and the address of each file."""
    before = store.listings
    sha = json.loads(worker.ask([_info(f"snapshot-{SNAPSHOT}")], 1).body)["sha"]
    worker.ask([_head(sha, number) for number in range(SNAPSHOT)])
    return store.listings - before


def _file(worker: Worker, rounds: int) -> tuple[float, float]:
    """Return CPU µs of the request for a file, and its ratio to that for an object URL."""
    name = f"main-{SNAPSHOT}"
    files = [_head(name, number) for number in range(SNAPSHOT)]
    key = f"models/{_REPOSITORY}/{name}"
    urls = [
        asking.get(f"/o/hub/{key}/{name_of(number)}", _CREDENTIAL) for number in range(SNAPSHOT)
    ]
    pairs = [(worker.ask(files).us, worker.ask(urls).us) for _ in range(rounds + 1)][1:]
    return median(file for file, _ in pairs), median(file / url for file, url in pairs)


def _long(worker: Worker, store: Store, files: int) -> tuple[int, float, float, float, float]:
    """The medians over some revisions, of which each is listed for the first time."""
    worker.ask([_head(f"warm-{files}", 0)], 1)
    before, memory, spent = store.listings, resident_mib(worker.process.pid), []
    for number in range(_LONG_REVISIONS):
        began = time.monotonic()
        us = worker.ask([_head(f"v{number}-{files}", 0)], 1).us
        spent.append((us / 1000, time.monotonic() - began))
    calls = (store.listings - before) // _LONG_REVISIONS
    mib = (resident_mib(worker.process.pid) - memory) / _LONG_REVISIONS
    # Apart: to watch the loop takes CPU time of its own.
    held = worker.ask([_head(f"watched-{files}", 0)], 1, is_watched=True).held_ms
    cpu, seconds = (median(each) for each in zip(*spent, strict=True))
    return calls, cpu, seconds, held, mib


def _info(revision: str) -> bytes:
    return asking.get(f"/hf/api/models/{_REPOSITORY}/revision/{revision}", _CREDENTIAL)


def _head(revision: str, number: int) -> bytes:
    path = f"/hf/{_REPOSITORY}/resolve/{revision}/{name_of(number)}"
    return asking.get(path, _CREDENTIAL, "HEAD")


@contextmanager
def _running() -> Iterator[tuple[Worker, Store]]:
    store = Store(("127.0.0.1", 0), Handler)
    Thread(target=store.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "presign.yaml")
        path.write_text(json.dumps(_configuration(f"http://127.0.0.1:{store.server_address[1]}")))
        with sides.service(sides.HERE, Path(name), path) as worker:
            worker.settle(_head("settle-1", 0))
            yield worker, store
    store.shutdown()
    store.server_close()


def _configuration(url: str) -> dict[str, Any]:
    grant = {"bucket": "hub", "prefix": "", "allow": ["list", "download"], "max_expires_in": 3600}
    caller = {"api_key": MAKER, "sha256": [sha256(API_KEY.encode()).hexdigest()]}
    bucket = {
        "bucket": "acme-models",
        "region": REGION,
        "role_arn": "arn:aws:iam::111122223333:role/presign-352",
        "sts_endpoint_url": url,
        "endpoint_url": url,
    }
    return {
        "server": {"drain_seconds": 0},
        "buckets": {"hub": bucket},
        "callers": [caller | {"grants": [grant], "rate_limit": "100000000/minute"}],
        "hugging_face": {"models": {"bucket": "hub", "prefix": "models/"}},
    }


def lines(found: Figures) -> Iterator[str]:
    yield f"a snapshot of {SNAPSHOT} files: {found.snapshot_requests} listing at the store"
    yield f"a file: {found.file_us:.0f} µs, {found.file_of_object_url:.2f} times an object URL"
    yield (
        f"a revision of {LONG:,} files: {found.long_requests} calls of the store, "
        f"{found.long_ms:.0f} ms of CPU, {found.long_seconds:.2f} s, "
        f"the loop held {found.long_held_ms:.1f} ms at most, {found.long_mib:.1f} MiB"
    )


if __name__ == "__main__":
    print("\n".join(lines(measure())))
