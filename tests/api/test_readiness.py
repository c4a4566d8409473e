"""Liveness and readiness while STS fails, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from service.app.services import MakeSource
from service.clock import Clock
from service.config.settings import Settings
from service.server.shutdown import Drain
from service.sessions.sts import SessionRefused
from tests.support.app import EVERYTHING, make_app_settings, make_open_grant, run_app
from tests.support.pool import FakeSource
from tests.support.virtual_time import FakeClock, in_virtual_time, loop_clock

BOTH: Final = make_app_settings(
    make_open_grant(max_expires_in=900),
    {"bucket": "closed", "prefix": "", "allow": EVERYTHING, "max_expires_in": 900},
)
HOUR: Final = 3600
NO_ROLE: Final = SessionRefused("AccessDenied: not authorized to perform sts:AssumeRole")


class Sources(dict[str, FakeSource]):
    """Sources of sessions by bucket. `fault` is the error of those that are made later."""

    fault: Exception | None = None

    @property
    def calls(self) -> int:
        return sum(len(source.fetched) for source in self.values())

    @asynccontextmanager
    async def open(self, clock: Clock) -> AsyncIterator[MakeSource]:
        assert isinstance(clock, FakeClock)

        async def make(name: str, settings: Settings) -> FakeSource:
            self[name] = FakeSource(clock, delay=0.1)
            self[name].error = self.fault
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
    sources.fault = OSError("no route")
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


@in_virtual_time
async def test_health_checks_make_no_calls_to_sts() -> None:
    sources = Sources()
    async with served(sources) as client:
        await asyncio.sleep(1)
        for _ in range(100):
            await client.get("/livez")
            await client.get("/readyz")
            await client.get("/metrics")
    assert sources.calls == 2  # each bucket's own


@in_virtual_time
async def test_a_hanging_sts_does_not_delay_health_and_metrics() -> None:
    sources = Sources()
    async with served(sources) as client:
        for source in sources.values():
            source.hangs = True
        began = loop_clock().boot()
        for path in ("/livez", "/readyz", "/metrics"):
            await client.get(path)
        assert loop_clock().boot() - began < 0.01


@in_virtual_time
async def test_a_revoked_role_affects_its_own_bucket_only() -> None:
    sources = Sources()
    async with served(sources) as client:
        await asyncio.sleep(1)
        for bucket in ("demo", "closed"):
            assert (await sign(client, bucket)).status_code == 200
        sources["demo"].error = NO_ROLE
        for _ in range(4 * 60):
            await asyncio.sleep(60)
            assert (await sign(client, "closed")).status_code == 200
            assert await status(client, "/readyz") == 200
        began = loop_clock().boot()
        refused = await sign(client, "demo")
        assert loop_clock().boot() - began < 0.2
    assert (refused.status_code, refused.json()["code"]) == (503, "credentials_unavailable")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "AccessDenied" not in refused.text


@in_virtual_time
async def test_a_batch_signs_for_the_buckets_that_can_sign() -> None:
    sources = Sources()
    async with served(sources) as client:
        await asyncio.sleep(1)
        sources["demo"].error = NO_ROLE
        items = [{"bucket": bucket, "key": "a"} for bucket in ("closed", "demo", "closed")]
        answer = await client.post("/v1/download-urls/batch", json={"items": items})
    results = answer.json()["results"]
    assert [next(iter(result)) for result in results] == ["request", "problem", "request"]
    assert results[1]["problem"]["code"] == "credentials_unavailable"


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


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@in_virtual_time
async def test_a_full_service_answers_health_and_metrics(
    path: str,
) -> None:
    sources = Sources()
    full = BOTH.model_copy(update={"server": BOTH.server.model_copy(update={"max_in_flight": 1})})
    written = asyncio.Event()

    async def write(_: Iterable[bytes]) -> None:
        await written.wait()

    async with run_app(full, open_sources=sources.open, clock=loop_clock(), audit=write) as client:
        written.set()
        assert (await sign(client, "demo")).status_code == 200
        written.clear()
        waiting = asyncio.create_task(sign(client, "demo"))
        await asyncio.sleep(0.5)
        refused = await sign(client, "closed")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["code"] == "overloaded"
        assert await status(client, path) == 200
        written.set()
        assert (await waiting).status_code == 200
        assert (await sign(client, "closed")).status_code == 200
