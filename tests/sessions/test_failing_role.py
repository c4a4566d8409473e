"""A role or an STS that fails under thousands of callers is asked gently, and found again soon."""

import asyncio
import random
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import pytest

from service.errors import CredentialsUnavailable
from service.sessions.attempts import WANTED_PAUSE
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.sessions.sts import SessionRefused
from tests.sessions.house import BILLING, OWN, PROMISE, House, a_house, owned, refusal
from tests.support.fakes import ADDRESS, FakeSource, in_virtual_time, loop_clock

CALLERS: Final = 2000
MOST: Final = 5  # calls to STS a second
STS_SECONDS: Final = 0.05
SERVED_WITHIN: Final = 15.0
DENIED: Final = SessionRefused("AccessDenied", denied=True)
DOWN: Final = OSError("no route")


def many(length: float = 3600) -> House:
    """With jitter as in production, the same in each run."""
    clock = loop_clock()
    source = FakeSource(clock, length=length, delay=STS_SECONDS)
    bucket = BucketSessions(source=source, address=ADDRESS, longest_lifetime=PROMISE)
    pool = SessionPool({"reports": bucket}, clock=clock, chance=random.Random(1).random)
    return House(clock, source, pool)


def rate(asked_at: Sequence[float], *, since: float = 0.0, seconds: float = 10.0) -> float:
    """The most calls a second in any `seconds`."""
    asked_at = asked_at[bisect_left(asked_at, since) :]
    counts = (
        bisect_left(asked_at, begin + seconds) - place for place, begin in enumerate(asked_at)
    )
    return max(counts, default=0) / seconds


async def ask(house: House, number: int) -> float:
    """Until there is a session, as a client that comes back when it is told to. Returns the seconds."""
    began = house.clock.boot()
    while True:
        try:
            await house.pool.ready(owned(number))
        except CredentialsUnavailable as error:
            await asyncio.sleep(error.retry_after or 1)
        else:
            return house.clock.boot() - began


@asynccontextmanager
async def asking(house: House, callers: int = CALLERS) -> AsyncIterator[None]:
    """All callers, each time and again."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_again(house, number)) for number in range(callers)]
        yield
        for task in tasks:
            task.cancel()


async def _again(house: House, number: int) -> None:
    pauses = random.Random(number)
    while True:
        await asyncio.sleep(pauses.uniform(0, 100))
        with suppress(CredentialsUnavailable):
            await house.pool.ready(owned(number))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["denied", "down"])
@in_virtual_time
async def test_a_failing_role_is_asked_gently_for_thousands_of_callers(fault: Exception) -> None:
    house = many()
    house.source.fault = fault
    house.pool.start()
    async with asking(house):
        await asyncio.sleep(300)
    assert rate(house.source.asked_at) < MOST
    assert len(house.source.asked_at) <= 300 / WANTED_PAUSE + 30
    await house.pool.stop()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["denied", "down"])
@in_virtual_time
async def test_a_role_that_begins_to_fail_is_asked_gently(fault: Exception) -> None:
    """All callers have sessions, and these come due; then they end."""
    house = many(length=900)
    house.pool.start()
    await asyncio.gather(*(house.pool.ready(owned(number)) for number in range(200)))
    for number in range(200, CALLERS):
        await house.pool.ready(owned(number))
    house.source.fault = fault
    failed_at = house.clock.boot()
    async with asking(house):
        await asyncio.sleep(1000)
    assert rate(house.source.asked_at, since=failed_at) < MOST
    await house.pool.stop()


@in_virtual_time
async def test_callers_without_a_session_that_have_gone_are_dropped_in_two_minutes() -> None:
    house = many()
    house.source.fault = DOWN
    for number in range(CALLERS):
        with pytest.raises(CredentialsUnavailable):
            await house.pool.ready(owned(number))
        house.source.asked_at.clear()
    await asyncio.sleep(120)
    assert not house.pool._entries
    assert not house.source.asked_at


@pytest.mark.slow
@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["denied", "down"])
@in_virtual_time
async def test_callers_who_wait_are_served_soon_after_sts_is_back(fault: Exception) -> None:
    house = many()
    house.source.fault = fault
    house.pool.start()
    async with asking(house):
        await asyncio.sleep(300)
        house.source.fault = None
        served = await asyncio.gather(*(ask(house, number) for number in range(100)))
    assert max(served) <= SERVED_WITHIN
    await house.pool.stop()


@in_virtual_time
async def test_a_lone_caller_of_a_shared_session_is_served_soon_after_sts_is_back() -> None:
    house = a_house(chance=0.99)
    house.source.fault = DOWN
    house.pool.start()
    while house.clock.boot() < 600:
        await refusal(house)
        await asyncio.sleep(1)
    house.source.fault = None
    began = house.clock.boot()
    while house.pool.current(OWN) is None:
        await asyncio.sleep(1)
        try:
            await house.pool.ready(OWN)
        except CredentialsUnavailable:
            continue
    assert house.clock.boot() - began <= SERVED_WITHIN


@in_virtual_time
async def test_the_first_success_brings_forward_other_buckets_of_the_account() -> None:
    house = a_house("photos", chance=0.99)
    for source in house.sources.values():
        source.fault = DOWN
    house.pool.start()
    await asyncio.sleep(600)
    for source in house.sources.values():
        source.fault = None
    while not any(map(house.pool.is_alive, house.sources)):  # noqa: ASYNC110 - as a caller finds out
        await asyncio.sleep(0.1)
    await asyncio.sleep(WANTED_PAUSE + 1)
    assert all(house.pool.is_alive(bucket) for bucket in house.sources)


@in_virtual_time
async def test_a_bucket_that_fails_beside_one_that_is_well_is_asked_gently() -> None:
    house = a_house("photos", delay=STS_SECONDS, chance=0.5)
    photos = house.sources["photos"]
    photos.fault = DOWN
    house.pool.start()
    for number in range(600):
        await house.pool.ready(owned(number))
        await asyncio.sleep(1)
    assert len(photos.asked) <= 600 / WANTED_PAUSE + 10
    await house.pool.stop()


@in_virtual_time
async def test_a_caller_that_alone_is_denied_holds_no_other_back() -> None:
    house = a_house(delay=STS_SECONDS)
    house.pool.start()
    await asyncio.sleep(10)
    house.source.fault = DENIED
    denied = asyncio.ensure_future(refusal(house, BILLING))
    await asyncio.sleep(STS_SECONDS * 1.5)  # its bucket's own session is asked for again
    house.source.fault = None
    await denied
    await asyncio.sleep(STS_SECONDS * 2)
    began = house.clock.boot()
    await house.pool.ready(owned(1))
    assert house.clock.boot() - began < 2 * STS_SECONDS


@in_virtual_time
async def test_one_failure_of_the_own_session_holds_no_caller_back() -> None:
    house = a_house(chance=0.99)
    house.source.fault = DOWN
    house.pool.start()
    await asyncio.sleep(0.2)
    house.source.fault = None
    assert await house.pool.ready(BILLING) is house.pool.current(BILLING)
