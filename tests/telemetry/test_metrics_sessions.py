"""The metrics of sessions, issuers' keys and reloads. Sessions run in virtual time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from service.app.reload import POLL_SECONDS
from service.app.settings import load_settings
from service.auth.jwks_cache import RETRY_SECONDS, JwksCache
from service.sessions.source import SessionRefused
from service.telemetry.logs import SinkHandler
from service.telemetry.metrics import Metrics
from tests.auth.harness import FakeKeySource
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.pool import FakeSources
from tests.support.scrapes import GET, read, samples, value
from tests.support.virtual_time import in_virtual_time, loop_clock
from tests.telemetry.pipes import broken_pipe


@asynccontextmanager
async def in_a_day() -> AsyncIterator[tuple[httpx.AsyncClient, FakeSources]]:
    """The app on a virtual clock, and the sources of its buckets `demo` and `closed`."""
    sources, clock = FakeSources(delay=0.2), loop_clock()
    granted = make_app_settings(make_open_grant(max_expires_in=900))
    async with run_app(granted, open_sources=sources.open, clock=clock) as client:
        await asyncio.sleep(1)
        yield client, sources


@in_virtual_time
async def test_refreshes_are_counted_and_timed_by_bucket_and_outcome() -> None:
    async with in_a_day() as (client, sources):
        sources["demo"].error = SessionRefused("no")
        await asyncio.sleep(3600 - 900)
        sources["closed"].error = SessionRefused("slow down", throttled=True)
        await asyncio.sleep(900)
        scraped = await samples(client)
    failed = value(scraped, "session_refreshes_total", bucket="demo", outcome="failed")
    assert value(scraped, "session_refreshes_total", bucket="demo", outcome="ok") == 1
    assert failed == len(sources["demo"].fetched) - 1 > 3
    assert value(scraped, "session_refreshes_total", bucket="closed", outcome="ok") >= 1
    assert value(scraped, "session_refresh_seconds_count", bucket="demo") == failed + 1
    took = value(scraped, "session_refresh_seconds_sum", bucket="demo") / (failed + 1)
    assert took == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(("kind", "error"), [
    ("throttled", SessionRefused("no", throttled=True)),
    ("lasting", SessionRefused("no", permanent=True)),
], ids=str)  # fmt: skip
@in_virtual_time
async def test_throttled_and_lasting_refusals_are_separate_outcomes(
    kind: str, error: Exception
) -> None:
    async with in_a_day() as (client, sources):
        sources["demo"].error = error
        await client.post("/v1/download-urls", json=GET)
        scraped = await samples(client)
    assert value(scraped, "session_refreshes_total", bucket="demo", outcome=kind) == 1


@in_virtual_time
async def test_a_hanging_sts_fails_after_five_seconds() -> None:
    async with in_a_day() as (client, sources):
        sources["demo"].hangs = True
        await client.post("/v1/download-urls", json=GET)
        await asyncio.sleep(0.5)  # the waiting request gives up at the same time
        scraped = await samples(client)
    assert value(scraped, "session_refreshes_total", bucket="demo", outcome="failed") == 1
    total = value(scraped, "session_refresh_seconds_sum", bucket="demo")
    assert total == pytest.approx(5.2, abs=0.01)


@in_virtual_time
async def test_each_bucket_exports_its_sessions_and_their_remaining_seconds() -> None:
    async with in_a_day() as (client, _):
        await asyncio.sleep(100)
        await client.post("/v1/download-urls", json=GET)
        scraped = await samples(client)
    assert value(scraped, "sessions", bucket="demo") == 2
    assert value(scraped, "sessions", bucket="closed") == 1
    assert value(scraped, "session_seconds_left", bucket="demo") == pytest.approx(3499, abs=1)


@in_virtual_time
async def test_a_bucket_without_its_own_session_cannot_sign() -> None:
    async with in_a_day() as (client, sources):
        before = await samples(client)
        sources["demo"].error = SessionRefused("no")
        await asyncio.sleep(3600)
        after = await samples(client)
    assert value(before, "bucket_can_sign", bucket="demo") == 1
    assert value(after, "bucket_can_sign", bucket="demo") == 0
    assert value(after, "session_seconds_left", bucket="demo") == 0
    assert value(after, "bucket_can_sign", bucket="closed") == 1


@in_virtual_time
async def test_a_bucket_can_sign_while_a_caller_has_no_session() -> None:
    async with in_a_day() as (client, sources):
        sources["demo"].error = SessionRefused("too large", permanent=True)
        await client.post("/v1/download-urls", json=GET)
        scraped = await samples(client)
    assert value(scraped, "session_seconds_left", bucket="demo") == 0
    assert value(scraped, "bucket_can_sign", bucket="demo") == 1


@pytest.mark.parametrize("skew", [-3000.0, 0.0, 1000.0])
@in_virtual_time
async def test_the_clock_skew_is_stss_clock_minus_ours(skew: float) -> None:
    loop_clock().skew = -skew
    async with in_a_day() as (client, _):
        # The tolerance is the time that the response takes.
        assert value(await samples(client), "clock_skew_seconds") == pytest.approx(skew, abs=0.5)


@in_virtual_time
async def test_the_packed_policys_percentage_is_the_last_reported() -> None:
    metrics = Metrics()
    metrics.session("demo", 0.0, None)
    assert b"presign_packed_policy_percent{" not in await metrics.render()
    metrics.session("demo", 0.0, 61)
    metrics.session("demo", 0.0, None)
    assert (
        value(read((await metrics.render()).decode()), "packed_policy_percent", bucket="demo") == 61
    )


# The rest


CONFIGURATION: Final = """
buckets: {demo: {region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/presign"}}
"""


async def test_reloads_are_counted_by_outcome(tmp_path: Path) -> None:
    file = tmp_path / "presign.yaml"
    file.write_text(CONFIGURATION)
    async with run_app(load_settings(file), watched=file) as client:
        for outcome in ("ok", "failed"):  # both series start at 0, or an alert would miss the first
            key = ("presign_config_reload_total", frozenset({("outcome", outcome)}))
            assert (await samples(client))[key] == 0
        file.write_text("buckets: {}")
        await until_reloads_are(client, ok=0, failed=1)
        file.write_text(CONFIGURATION + "# other\n")
        await until_reloads_are(client, ok=1, failed=1)


async def until_reloads_are(client: httpx.AsyncClient, **counts: float) -> None:
    found = dict[str, float]()
    async with asyncio.timeout(POLL_SECONDS + 10):
        while found != counts:
            await asyncio.sleep(0.05)
            scraped = await samples(client)
            found = {each: value(scraped, "config_reload_total", outcome=each) for each in counts}


async def test_a_dropped_log_line_is_counted() -> None:
    metrics = Metrics()
    with broken_pipe() as sink:
        handler = SinkHandler(sink, on_drop=metrics.log_line_dropped)
        handler.handle(logging.makeLogRecord({"msg": "a"}))
    async with run_app(make_app_settings(make_open_grant()), metrics=metrics) as client:
        assert value(await samples(client), "log_lines_dropped_total") == 1


@in_virtual_time
async def test_fetches_of_keys_are_counted_by_outcome() -> None:
    metrics, clock = Metrics(), loop_clock()
    source = FakeKeySource(clock, "one")
    keys = JwksCache(source, name="cluster-a", clock=clock, jitter=lambda: 0.0, observer=metrics)
    await keys.find("one")
    source.error = OSError("no route")
    await asyncio.sleep(RETRY_SECONDS)
    await keys.find("two")
    scraped = read((await metrics.render()).decode())
    for outcome in ("ok", "failed"):
        labels = {"issuer": "cluster-a", "outcome": outcome}
        assert value(scraped, "issuer_key_fetches_total", **labels) == 1
