"""One caller's abuse does not hurt another. `presign serve`, limited as in deploy/helm."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from benchmarks import abuses
from service.auth.api_keys import digest_of
from tests.server.process import ServiceProcess, run_server_process
from tests.support.app import API_KEY
from tests.support.app import make_open_grant as grant
from tests.support.late import Late, again_if_late

MAX_IN_FLIGHT: Final = 200  # deploy/helm
SECONDS: Final = 6.0
MALLORY: Final = "mallory-key"
BUSY: Final = "busy-key"
CALLERS: Final[list[dict[str, object]]] = [
    # No grant, and one URL per minute
    {"api_key": "mallory", "sha256": [digest_of(MALLORY)], "rate_limit": "1/minute", "grants": []},
    {"api_key": "busy", "sha256": [digest_of(BUSY)], "grants": [grant()]},
]
HEAVY: Final = abuses.heavy_batch("demo", MALLORY)
LIVEZ_SECONDS: Final = 2.0


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    server = {"drain_seconds": 0, "max_in_flight": MAX_IN_FLIGHT}
    with run_server_process(tmp_path_factory.mktemp("abuse"), *CALLERS, **server) as running:
        yield running


async def with_abuse(
    running: ServiceProcess, name: str, key: str
) -> tuple[abuses.Seen, Counter[int]]:
    """What an ordinary caller sees during an abuse, and the abuser's statuses.

    A slow machine takes several turns for ten answers.
    """
    port, seen, total = running.address[1], abuses.Seen(), Counter[int]()
    for _ in range(5):
        with abuses.running(name, port, "demo", key, SECONDS + 1) as abused:
            await asyncio.sleep(1)  # the abuse has begun
            until = time.monotonic() + SECONDS
            async with asyncio.TaskGroup() as tasks:
                for _ in range(4):
                    tasks.create_task(abuses.ordinary(port, "demo", API_KEY, until, seen))
                tasks.create_task(abuses.probe_livez(port, until, seen))
        total += abused
        if seen.statuses.total() >= 10:
            break
    return seen, total


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "key"),
    [("heavy_batches", MALLORY), ("heavy_batches", BUSY), ("slow_bodies", MALLORY)],
    ids=["refused batches", "signed batches", "slow bodies"],
)
async def test_an_ordinary_caller_is_served_during_abuse(
    running: ServiceProcess, name: str, key: str
) -> None:
    seen, abused = await with_abuse(running, name, key)
    slowest = max(seen.livez_seconds)
    figures = f"{dict(seen.statuses)}; livez {slowest:.2f} s at most; abuser {dict(abused)}"
    print(figures)  # noqa: T201 - shown by -rP
    assert seen.statuses.total() >= 10
    assert seen.answered >= 0.99
    assert slowest <= LIVEZ_SECONDS


async def test_a_refused_batch_is_cheap_and_audited_once(tmp_path: Path) -> None:
    log, times = tmp_path / "output.log", 40
    with run_server_process(tmp_path, *CALLERS, drain_seconds=0) as running:
        before, cpu = log.stat().st_size, running.cpu_seconds()
        reader, writer = await asyncio.open_connection(*running.address)
        for _ in range(times):
            writer.write(HEAVY)
            assert await abuses.answer(reader) == 429
        writer.transport.abort()
        spent = (running.cpu_seconds() - cpu) / times
    lines = [json.loads(line) for line in log.read_bytes()[before:].splitlines()]
    reasons = [line["reason"] for line in lines if line["event"] == "audit"]
    print(f"{spent * 1000:.1f} ms of CPU each")  # noqa: T201 - shown by -rP
    assert reasons == ["rate_limited"] * times
    assert spent <= 0.005


@again_if_late
async def test_one_busy_caller_alone_is_never_refused(running: ServiceProcess) -> None:
    """Though it has more connections than a single caller may have open requests."""
    request = abuses.post("download-urls", {"bucket": "demo", "key": "a"}, BUSY)
    statuses, until = Counter[int](), time.monotonic() + 2
    port = running.address[1]
    await abuses.many(MAX_IN_FLIGHT, lambda: abuses.repeat(port, request, until, statuses, pause=0))
    if not statuses:
        raise Late("no answer in the time")
    assert set(statuses) == {200}
