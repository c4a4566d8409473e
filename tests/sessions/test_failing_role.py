"""A failing role or STS with thousands of callers: few calls, and a quick recovery."""

import asyncio
import random
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import pytest

from service.errors import CredentialsUnavailable
from service.sessions.attempts import WANTED_PAUSE
from service.sessions.source import SessionRefused
from tests.support.pool import BILLING, OWN, PoolHarness, make_pool_harness, make_session_key
from tests.support.virtual_time import in_virtual_time

CALLERS: Final = 2000
MOST: Final = 5  # calls to STS a second
STS_SECONDS: Final = 0.05
SERVED_WITHIN: Final = 15.0
DENIED: Final = SessionRefused("AccessDenied", denied=True)
DOWN: Final = OSError("no route")
EACH_FAULT: Final = pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["denied", "down"])


def make_harness(length: float = 3600) -> PoolHarness:
    """Return a pool with random jitter as in production, the same in each run."""
    return make_pool_harness(length=length, delay=STS_SECONDS, jitter=random.Random(1).random)


def rate(asked_at: Sequence[float], *, since: float = 0.0, seconds: float = 10.0) -> float:
    """Return the highest number of calls per second in any `seconds`."""
    since_then = asked_at[bisect_left(asked_at, since) :]
    ends = (bisect_left(since_then, begin + seconds) for begin in since_then)
    return max((end - begin for begin, end in enumerate(ends)), default=0) / seconds


async def ask(harness: PoolHarness, number: int) -> float:
    """Retry as told until there is a session. Return the seconds it took."""
    began = harness.clock.boot()
    while True:
        try:
            await harness.pool.ready(make_session_key(number))
        except CredentialsUnavailable as error:
            await asyncio.sleep(error.retry_after or 1)
        else:
            return harness.clock.boot() - began


@asynccontextmanager
async def asking(harness: PoolHarness, callers: int = CALLERS) -> AsyncIterator[None]:
    """All callers ask again and again."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_again(harness, number)) for number in range(callers)]
        yield
        for task in tasks:
            task.cancel()


async def _again(harness: PoolHarness, number: int) -> None:
    pauses = random.Random(number)
    while True:
        await asyncio.sleep(pauses.uniform(0, 100))
        with suppress(CredentialsUnavailable):
            await harness.pool.ready(make_session_key(number))


@pytest.mark.slow
@EACH_FAULT
@in_virtual_time
async def test_a_failing_role_causes_few_calls_for_many_callers(fault: Exception) -> None:
    harness = make_harness()
    harness.source.error = fault
    harness.pool.start()
    async with asking(harness):
        await asyncio.sleep(300)
    assert rate(harness.source.fetched_at) < MOST
    assert len(harness.source.fetched_at) <= 300 / WANTED_PAUSE + 30
    await harness.pool.stop()


@pytest.mark.slow
@EACH_FAULT
@in_virtual_time
async def test_a_role_that_starts_to_fail_causes_few_calls(fault: Exception) -> None:
    """All callers have sessions, which become due and then expire."""
    harness = make_harness(length=900)
    harness.pool.start()
    await asyncio.gather(*(harness.pool.ready(make_session_key(number)) for number in range(200)))
    for number in range(200, CALLERS):
        await harness.pool.ready(make_session_key(number))
    harness.source.error = fault
    failed_at = harness.clock.boot()
    async with asking(harness):
        await asyncio.sleep(1000)
    assert rate(harness.source.fetched_at, since=failed_at) < MOST
    await harness.pool.stop()


@in_virtual_time
async def test_absent_callers_without_session_are_dropped_in_two_minutes() -> None:
    harness = make_harness()
    harness.source.error = DOWN
    for number in range(CALLERS):
        with pytest.raises(CredentialsUnavailable):
            await harness.pool.ready(make_session_key(number))
        harness.source.fetched_at.clear()
    await asyncio.sleep(120)
    assert not harness.pool._entries
    assert not harness.source.fetched_at


@pytest.mark.slow
@EACH_FAULT
@in_virtual_time
async def test_waiting_callers_are_served_soon_after_sts_recovers(fault: Exception) -> None:
    harness = make_harness()
    harness.source.error = fault
    harness.pool.start()
    async with asking(harness):
        await asyncio.sleep(300)
        harness.source.error = None
        served = await asyncio.gather(*(ask(harness, number) for number in range(100)))
    assert max(served) <= SERVED_WITHIN
    await harness.pool.stop()


@in_virtual_time
async def test_a_lone_caller_is_served_soon_after_sts_recovers() -> None:
    harness = make_pool_harness(jitter=lambda: 0.99)
    harness.source.error = DOWN
    harness.pool.start()
    while harness.clock.boot() < 600:
        await harness.refusal()
        await asyncio.sleep(1)
    harness.source.error = None
    began = harness.clock.boot()
    while harness.pool.current(OWN) is None:
        await asyncio.sleep(1)
        try:
            await harness.pool.ready(OWN)
        except CredentialsUnavailable:
            continue
    assert harness.clock.boot() - began <= SERVED_WITHIN


@in_virtual_time
async def test_the_first_success_retries_the_accounts_other_buckets() -> None:
    harness = make_pool_harness("photos", jitter=lambda: 0.99)
    for source in harness.sources.values():
        source.error = DOWN
    harness.pool.start()
    await asyncio.sleep(600)
    for source in harness.sources.values():
        source.error = None
    while not any(map(harness.pool.is_alive, harness.sources)):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await asyncio.sleep(WANTED_PAUSE + 1)
    assert all(harness.pool.is_alive(bucket) for bucket in harness.sources)


@in_virtual_time
async def test_a_failing_bucket_beside_a_working_one_causes_few_calls() -> None:
    harness = make_pool_harness("photos", delay=STS_SECONDS, jitter=lambda: 0.5)
    photos = harness.sources["photos"]
    photos.error = DOWN
    harness.pool.start()
    for number in range(600):
        await harness.pool.ready(make_session_key(number))
        await asyncio.sleep(1)
    assert len(photos.fetched) <= 600 / WANTED_PAUSE + 10
    await harness.pool.stop()


@in_virtual_time
async def test_one_denied_caller_does_not_delay_others() -> None:
    harness = make_pool_harness(delay=STS_SECONDS)
    harness.pool.start()
    await asyncio.sleep(10)
    harness.source.error = DENIED
    denied = asyncio.ensure_future(harness.refusal(BILLING))
    await asyncio.sleep(STS_SECONDS * 1.5)  # the own session is refreshed too
    harness.source.error = None
    await denied
    await asyncio.sleep(STS_SECONDS * 2)
    began = harness.clock.boot()
    await harness.pool.ready(make_session_key(1))
    assert harness.clock.boot() - began < 2 * STS_SECONDS


@in_virtual_time
async def test_one_failure_of_the_own_session_delays_no_caller() -> None:
    harness = make_pool_harness(jitter=lambda: 0.99)
    harness.source.error = DOWN
    harness.pool.start()
    await asyncio.sleep(0.2)
    harness.source.error = None
    assert await harness.pool.ready(BILLING) is harness.pool.current(BILLING)
