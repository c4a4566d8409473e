"""`make bench-latency`: how long GETs wait while the service does other work, and up to which rate.

GETs come at a fixed rate, whatever the answers take, beside one kind of other work at a time. The
latencies are wall time: they mean something on a machine that does nothing else. So each kind is
measured again for the longest that the event loop is held, which is CPU time, of its thread and of
all threads of the process, and holds on any machine.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import uvloop
import yaml

from benchmarks import asking, issuing, load, page, replicas, sides, targets
from benchmarks.measuring import quantile
from benchmarks.sides import HERE, ROOT, Worker
from benchmarks.targets import API_KEY, bucket_of

RATE: Final = 300.0  # GETs a second
SECONDS: Final = 6.0
CALLERS: Final = 4000
BUCKET: Final = bucket_of(352)
_SETTLE_SECONDS: Final = 8.0  # a new service does more in a thread after 3
_LIFETIME: Final = "max_expires_in: 900"
_OTHER_LIFETIME: Final = "max_expires_in: 901"  # with `sign`, less than 900 is refused


class Sink:
    """Reads the audit trail from a pipe."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        self._may_read = Event()
        self._may_read.set()
        Thread(target=self._read, daemon=True).start()

    async def stop_for(self, seconds: float) -> None:
        self._may_read.clear()
        await asyncio.sleep(seconds)
        self._may_read.set()

    def _read(self) -> None:
        while os.read(self._reading, 1 << 16):
            self._may_read.wait()


@dataclass(frozen=True, slots=True)
class Running:
    """A service, and what the other work needs."""

    worker: Worker
    configuration: Path
    sink: Sink
    issuer: str
    batches: list[bytes] = field(repr=False)


Work = Callable[[Running], Awaitable[None]]


@contextmanager
def running() -> Iterator[Running]:
    server = issuing.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    sink = Sink()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = _in_blocks(targets.write_configuration(directory, url, more_callers=_callers()))
        with sides.service(HERE, directory, path, sink.writing) as worker:
            for request in (
                *asking.downloads(1, BUCKET, API_KEY),
                *asking.downloads(1, BUCKET, issuing.make_token(url)),
                *asking.lfs_batches(1, 1, API_KEY),
            ):
                worker.settle(request)
            time.sleep(_SETTLE_SECONDS)
            yield Running(worker, path, sink, url, asking.batches(4, 1000, BUCKET, API_KEY))


def _in_blocks(path: Path) -> Path:
    """Write the file in the block style of people: a reload of JSON reads all callers again.

    It has no anchors, after which all are read again too, as a JSON document shares nothing.
    """
    path.write_text(yaml.safe_dump(json.loads(path.read_text()), sort_keys=False))
    return path


def _callers() -> list[dict[str, Any]]:
    return [
        {
            "api_key": f"caller-{number}",
            "sha256": [sha256(f"key-of-caller-{number}".encode()).hexdigest()],
            "grants": [
                {
                    "bucket": BUCKET,
                    "prefix": f"team-{number}/",
                    "allow": ["download"],
                    "max_expires_in": 900,  # so that a reload changes every caller
                }
            ],
        }
        for number in range(CALLERS)
    ]


async def _nothing(_: Running) -> None:
    await asyncio.sleep(0)


async def _batches(service: Running) -> None:
    await _every(0.05, service, service.batches)


async def _signatures(service: Running) -> None:
    await _every(0.01, service, asking.reads(500, BUCKET, API_KEY))


async def _lfs_batch(service: Running) -> None:
    await _every(1.0, service, asking.lfs_batches(4, 100, API_KEY))


async def _scrapes(service: Running) -> None:
    await _every(0.5, service, [asking.get("/metrics")])


async def _reload(service: Running) -> None:
    text = service.configuration.read_text()
    old, new = (_LIFETIME, _OTHER_LIFETIME) if _LIFETIME in text else (_OTHER_LIFETIME, _LIFETIME)
    service.configuration.write_text(text.replace(old, new))
    await asyncio.sleep(SECONDS)


async def _unknown_key(service: Running) -> None:
    """A token of a key that the service does not know makes it ask the issuer."""
    tokens = [issuing.make_token(service.issuer, f"other-{number}") for number in range(16)]
    await _every(0.5, service, [asking.downloads(1, BUCKET, token)[0] for token in tokens])


async def _slow_sink(service: Running) -> None:
    """With batches, since the pipe has room for the lines of a second of GETs."""
    await asyncio.gather(service.sink.stop_for(1.0), _batches(service))


WORKS: Final[dict[str, Work]] = {
    "alone": _nothing,
    "a batch of 1,000 every 50 ms": _batches,
    "100 remote signatures a second": _signatures,
    "a Git LFS batch of 100 each second": _lfs_batch,
    "a scrape every 0.5 s": _scrapes,
    f"a reload of {CALLERS:,} callers, each of which has changed": _reload,
    "tokens with unknown keys": _unknown_key,
    "batches, and the audit trail is not read for 1 s": _slow_sink,
}


async def _every(seconds: float, service: Running, requests: list[bytes]) -> None:
    """Send one after another, until this is cancelled."""
    began, number = time.perf_counter(), 0
    while True:
        await replicas.answer(service.worker.port, requests[number % len(requests)])
        number += 1
        await asyncio.sleep(max(0.0, began + number * seconds - time.perf_counter()))


async def _beside(work: Work, service: Running) -> list[float]:
    requests = asking.downloads(int(RATE * SECONDS), BUCKET, API_KEY)
    other = asyncio.ensure_future(work(service))
    latencies = await load.at_a_rate(service.worker.port, requests, RATE)
    await _end(other)
    return latencies


async def _held(work: Work, service: Running) -> tuple[float, float]:
    """The GETs come along, since what they add to a turn of the loop counts."""
    beside = asyncio.ensure_future(_beside(work, service))
    held = await asyncio.to_thread(service.worker.held_ms, SECONDS)
    await beside
    return held


async def _end(other: asyncio.Future[None]) -> None:
    other.cancel()
    (ended,) = await asyncio.gather(other, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


def measure(names: list[str]) -> Iterator[str]:
    yield f"| {RATE:.0f} GETs a second, and | p50 | p99 | p999 | the loop held, in CPU | with all threads |"
    yield "| --- | --- | --- | --- | --- | --- |"
    with running() as service:
        for name in names:
            latencies = uvloop.run(_beside(WORKS[name], service))
            held, with_threads = uvloop.run(_held(WORKS[name], service))
            cells = [f"{quantile(latencies, each) * 1000:.1f} ms" for each in (0.5, 0.99, 0.999)]
            yield f"| {name} | {' | '.join(cells)} | {held:.1f} ms | {with_threads:.1f} ms |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", help="the number of each work, from 0, separated by commas")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    names = list(WORKS)
    if options.works:
        names = [names[int(each)] for each in options.works.split(",")]
    lines = []
    for line in [*measure(names), "", *replicas.measure()] if options.write else measure(names):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        page.replace(ROOT / "docs" / "performance.md", "latency", lines)


if __name__ == "__main__":
    main()
