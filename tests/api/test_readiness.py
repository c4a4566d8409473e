"""Liveness and readiness while STS fails, in virtual time."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from service.api.shutdown import Drain
from service.app.session_sources import CredentialOrigin, MakeSource
from service.clock import Clock
from service.sessions.attempts import WANTED_PAUSE
from service.sessions.source import SessionRefused
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.factories import OPERATIONS
from tests.support.pool import FakeSource
from tests.support.virtual_time import FakeClock, in_virtual_time, loop_clock

BOTH: Final = make_app_settings(
    make_open_grant(max_expires_in=900),
    {"bucket": "closed", "prefix": "", "allow": OPERATIONS, "max_expires_in": 900},
)
HOUR: Final = 3600
PROBE_SECONDS: Final = 2.0
READY_WITHIN: Final = 15.0
NO_ROUTE: Final = OSError("no route")
THROTTLED: Final = SessionRefused("Throttling: Rate exceeded", throttled=True)
NO_ROLE: Final = SessionRefused("AccessDenied: not authorized to perform sts:AssumeRole")


class Sources(dict[str, FakeSource]):
    """Sources of sessions by bucket. Those that are made later have `fault` or `hang`."""

    fault: Exception | None = None
    hang = False

    @property
    def calls(self) -> int:
        return sum(len(source.fetched) for source in self.values())

    @asynccontextmanager
    async def open(self, clock: Clock) -> AsyncIterator[MakeSource]:
        assert isinstance(clock, FakeClock)

        async def make(name: str, origin: CredentialOrigin) -> FakeSource:
            self[name] = FakeSource(clock, delay=0.1)
            self[name].error, self[name].hangs = self.fault, self.hang
            return self[name]

        yield make


def served(sources: Sources, **more: Any) -> Any:
    return run_app(BOTH, open_sources=sources.open, clock=loop_clock(), **more)


async def status(client: httpx.AsyncClient, path: str) -> int:
    return (await client.get(path)).status_code


async def sign(client: httpx.AsyncClient, bucket: str) -> httpx.Response:
    return await client.post("/v1/download-urls", json={"bucket": bucket, "key": "a"})


@in_virtual_time
async def test_without_sts_the_service_is_live_but_not_ready() -> None:
    sources = Sources()
    sources.fault = NO_ROUTE
    async with served(sources) as client:
        for _ in range(HOUR // 10):
            await asyncio.sleep(10)
            assert await status(client, "/livez") == 200
            assert await status(client, "/readyz") == 503
        for source in sources.values():
            source.error = None
        await asyncio.sleep(60)
        assert await status(client, "/readyz") == 200
        assert (await sign(client, "demo")).status_code == 200


@pytest.mark.parametrize(
    ("fault", "hangs"), [(NO_ROUTE, False), (NO_ROUTE, True), (THROTTLED, False)]
)
@in_virtual_time
async def test_probes_alone_make_it_ready_soon_after_sts_recovers(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, *, hangs: bool
) -> None:
    """With all replicas out of the balancer there are no requests, only probes."""
    monkeypatch.setattr(random, "random", lambda: 0.99)  # the longest pauses between attempts
    sources, clock = Sources(), loop_clock()
    sources.fault, sources.hang = fault, hangs
    async with served(sources) as client:
        while clock.boot() < HOUR:
            assert await status(client, "/readyz") == 503
            await asyncio.sleep(PROBE_SECONDS)
        assert sources.calls <= 2 * HOUR / WANTED_PAUSE + 10
        for source in sources.values():
            source.error, source.hangs = None, False
        while await status(client, "/readyz") == 503:
            assert clock.boot() < HOUR + READY_WITHIN
            await asyncio.sleep(PROBE_SECONDS)


@in_virtual_time
async def test_health_checks_neither_call_sts_nor_wait_for_it() -> None:
    sources = Sources()
    async with served(sources) as client:
        await asyncio.sleep(1)
        for source in sources.values():
            source.hangs = True
        began = loop_clock().boot()
        for path in ("/livez", "/readyz", "/metrics") * 30:
            await client.get(path)
        assert loop_clock().boot() - began < 0.01
    assert sources.calls == 2  # each bucket's own


@in_virtual_time
async def test_without_sessions_the_service_is_live_but_not_ready() -> None:
    sources = Sources()
    async with served(sources) as client:
        await asyncio.sleep(1)
        assert await status(client, "/readyz") == 200
        for source in sources.values():
            source.error = NO_ROLE
        await asyncio.sleep(HOUR - 60)
        assert await status(client, "/readyz") == 200  # a session is used until it expires
        await asyncio.sleep(120)
        assert await status(client, "/readyz") == 503
        assert await status(client, "/livez") == 200


@in_virtual_time
async def test_a_process_shutting_down_is_not_ready_but_signs() -> None:
    drain = Drain()
    async with served(Sources(), drain=drain) as client:
        await asyncio.sleep(1)
        drain.begin(0)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "shutting down")
        assert await status(client, "/livez") == 200
        assert (await sign(client, "demo")).status_code == 200
