"""What requests cost over HTTP: CPU of the server's process, interleaved rounds, one target at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import uvloop

from benchmarks import asking, load
from benchmarks.measuring import Samples, quantile
from benchmarks.signers import TOKEN_LENGTHS
from benchmarks.targets import API_KEY, LINK_KEY, MAKER, Target, bucket_of
from service.protocols.links.tickets import LinkKeys

ROUNDS: Final = 5
BATCH: Final = 1000
LINK_KEYS: Final = LinkKeys([LINK_KEY])
SIZES: Final = (1, 10, 100, 1000)
RATES: Final = (250, 500, 1000, 2000, 3000, 4000, 6000, 8000)
PATIENCE_SECONDS: Final = 0.25  # of latency: beyond it a server only falls further behind
_SECONDS_A_RATE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """So many requests to a target. Batches come one at a time, as they fill a server alone."""

    name: str
    token_length: int
    target: Target
    requests: Callable[[], list[bytes]]
    connections: int = load.CONNECTIONS


def jobs(service: Target, apps: dict[tuple[str, int], Target], token: str) -> list[Job]:
    found = []
    for name, length in (("hello", 0), ("raw", 0), ("article", 352), ("naive", 352)):
        count = {"hello": 2000, "raw": 5000, "article": 40, "naive": 500}[name]
        found.append(Job(name, length, apps[name, length], _downloads(count, "any")))
    for length in TOKEN_LENGTHS:
        bucket = bucket_of(length)
        found += [
            Job("get", length, service, _downloads(2000, bucket)),
            Job("jwt", length, service, _downloads(2000, bucket, token)),
            Job("object", length, service, lambda b=bucket: asking.objects(2000, b, API_KEY)),  # type: ignore[misc]
            Job("sign", length, service, lambda b=bucket: asking.reads(2000, b, API_KEY)),  # type: ignore[misc]
            Job("link", length, service, _links(bucket, uses=20)),
            Job("new link", length, service, _links(bucket, uses=1)),
            Job("upload", length, service, lambda b=bucket: asking.uploads(1500, b, API_KEY)),  # type: ignore[misc]
            Job("form", length, service, lambda b=bucket: asking.forms(1500, b, API_KEY)),  # type: ignore[misc]
            Job("batch", length, service, _batches(20, BATCH, bucket), 1),
        ]
    found.append(Job("naive batch", 352, apps["naive", 352], _batches(1, BATCH, "any"), 1))
    return found


def measure(of: Sequence[Job]) -> Samples:
    """CPU µs a request, by name and length of token."""
    samples = Samples()
    for turn in range(ROUNDS + 1):  # the first warms up
        for job in of:
            spent = uvloop.run(_spent(job))
            if turn:
                samples.add(job.name, job.token_length, spent)
    return samples


def by_batch_size(service: Target, naive: Target) -> dict[str, list[float]]:
    """CPU ms a batch, for each of SIZES."""
    told: dict[str, list[float]] = {"presign": [], "naive": []}
    for name, target, bucket in (("presign", service, bucket_of(352)), ("naive", naive, "any")):
        for size in SIZES:
            count = max(1, (20_000 if name == "presign" else 1000) // max(size, 10))
            job = Job(name, 352, target, _batches(count, size, bucket), 1)
            uvloop.run(_spent(job))  # a larger answer than before needs memory
            told[name].append(uvloop.run(_spent(job)) / 1000)
    return told


def by_load(targets: dict[str, Target]) -> dict[str, list[tuple[float, float, float]]]:
    """For each target (rate, median, 99th percentile of latency in ms), as far as it keeps up."""
    told: dict[str, list[tuple[float, float, float]]] = {name: [] for name in targets}
    for rate in RATES:
        for name, target in targets.items():
            if told[name] and told[name][-1][1] > PATIENCE_SECONDS * 1000:
                continue
            requests = asking.downloads(int(rate * _SECONDS_A_RATE), bucket_of(352), API_KEY)
            latencies = uvloop.run(load.at_a_rate(target.port, requests, rate))
            median, late = quantile(latencies, 0.5), quantile(latencies, 0.99)
            told[name].append((rate, median * 1000, late * 1000))
    return told


async def _spent(job: Job) -> float:
    requests = job.requests()
    before = job.target.cpu_seconds
    await load.closed(job.target.port, requests, job.connections)
    return (job.target.cpu_seconds - before) / len(requests) * 1e6


def _downloads(count: int, bucket: str, key: str = API_KEY) -> Callable[[], list[bytes]]:
    return lambda: asking.downloads(count, bucket, key)


def _links(bucket: str, *, uses: int) -> Callable[[], list[bytes]]:
    return lambda: asking.links(2000, bucket, LINK_KEYS, MAKER, uses=uses)


def _batches(count: int, size: int, bucket: str) -> Callable[[], list[bytes]]:
    return lambda: asking.batches(count, size, bucket, API_KEY)


def settle(service: Target, token: str) -> None:
    """Until the sessions and the issuer's keys have come."""
    requests = [
        request
        for length in TOKEN_LENGTHS
        for key in (API_KEY, token)
        for request in asking.downloads(1, bucket_of(length), key)
    ]
    until = time.monotonic() + 30
    while True:
        try:
            uvloop.run(load.closed(service.port, requests, 1))
        except AssertionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return
