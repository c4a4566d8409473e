"""How soon the sessions of an account come back after STS throttled it, and what STS is asked."""

import asyncio
from typing import Final

import pytest

from service.sessions.attempts import WANTED_PAUSE
from service.sessions.source import SessionRefused
from tests.support.pool import BILLING, OWN, PoolHarness, make_pool_harness, make_session_key
from tests.support.virtual_time import in_virtual_time

THROTTLED: Final = SessionRefused("Throttling: Rate exceeded", throttled=True)
MANY: Final = [f"bucket-{number}" for number in range(50)]
PROBE_SECONDS: Final = 2.0
LONG: Final = 600.0  # seconds: the pauses have reached a minute by then


def all_throttled(*more: str) -> PoolHarness:
    """Return a pool whose buckets share an account, and whose pauses are the longest ones."""
    harness = make_pool_harness(*more, jitter=lambda: 0.99)
    for source in harness.sources.values():
        source.error = THROTTLED
    harness.pool.start()
    return harness


async def probe(harness: PoolHarness, seconds: float) -> None:
    """As a balancer does, which looks at `/readyz`."""
    for _ in range(int(seconds / PROBE_SECONDS)):
        if not any(harness.pool.is_alive(bucket) for bucket in harness.sources):
            harness.pool.retry_soon()
        await asyncio.sleep(PROBE_SECONDS)


def calls_since(harness: PoolHarness, began: float) -> int:
    times = [at for source in harness.sources.values() for at in source.fetched_at]
    return sum(at >= began for at in times)


@in_virtual_time
async def test_probes_call_a_throttled_account_every_ten_seconds() -> None:
    harness = all_throttled(*MANY)
    await probe(harness, LONG)
    began = harness.clock.boot()
    await probe(harness, LONG)
    assert LONG / WANTED_PAUSE / 2 < calls_since(harness, began) <= LONG / WANTED_PAUSE + 1


@in_virtual_time
async def test_without_probes_a_throttled_account_is_left_in_peace() -> None:
    harness = all_throttled()
    await asyncio.sleep(LONG)
    began = harness.clock.boot()
    await asyncio.sleep(LONG)
    assert calls_since(harness, began) <= LONG / 50


@pytest.mark.parametrize("into_the_pause", range(0, 60, 10))
@in_virtual_time
async def test_the_first_session_ends_the_pause_of_its_account(into_the_pause: int) -> None:
    harness = all_throttled(*MANY)
    await asyncio.sleep(LONG + into_the_pause)
    for source in harness.sources.values():
        source.error = None
    await probe(harness, WANTED_PAUSE + len(MANY) * harness.source.delay)
    assert all(harness.pool.is_alive(bucket) for bucket in harness.sources)
    assert await harness.pool.ready(BILLING) is not None


@in_virtual_time
async def test_a_bucket_that_comes_while_its_account_is_throttled_waits_ten_seconds() -> None:
    harness = all_throttled("late")
    late = harness.pool._buckets.pop("late")
    harness.pool.replace(dict(harness.pool._buckets))
    await asyncio.sleep(LONG)
    harness.pool.replace({**harness.pool._buckets, "late": late})
    own = harness.pool._own("late")
    entry = harness.pool._entries[own]
    assert harness.pool._attempts.backoff_left(own, entry) > WANTED_PAUSE
    harness.pool._attempts.retry_soon("late")
    assert harness.pool._attempts.backoff_left(own, entry) <= WANTED_PAUSE


@in_virtual_time
async def test_waiting_callers_of_a_throttled_account_do_not_call_it() -> None:
    harness = all_throttled()
    await probe(harness, LONG)
    own = harness.source.fetched.count(OWN.owner)
    for number in range(100):
        refusal = await harness.refusal(make_session_key(number % 10))
        assert refusal.retry_after in range(1, 1 + int(WANTED_PAUSE))
        await asyncio.sleep(1)
    assert set(harness.source.fetched) == {OWN.owner}
    assert 5 <= len(harness.source.fetched) - own <= 100 / WANTED_PAUSE + 1


@in_virtual_time
async def test_a_call_that_was_on_its_way_ends_no_pause() -> None:
    harness = make_pool_harness("photos", jitter=lambda: 0.99)
    on_its_way = BILLING._replace(bucket="photos")
    harness.sources["photos"].delay = 0.5
    harness.source.errors[BILLING.owner] = THROTTLED
    earlier = asyncio.ensure_future(harness.pool.ready(on_its_way))
    await asyncio.sleep(0.1)
    await harness.refusal(BILLING)
    assert await earlier is not None
    await harness.refusal(make_session_key(1))
    assert harness.source.fetched == [BILLING.owner]
