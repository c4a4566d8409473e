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
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.sessions.sts import SessionRefused
from tests.sessions.env import BILLING, OWN, PROMISE, Env, make_env, owned, refusal
from tests.support.fakes import ADDRESS, FakeSource, in_virtual_time, loop_clock

CALLERS: Final = 2000
MOST: Final = 5  # calls to STS a second
STS_SECONDS: Final = 0.05
SERVED_WITHIN: Final = 15.0
DENIED: Final = SessionRefused("AccessDenied", denied=True)
DOWN: Final = OSError("no route")


def many(length: float = 3600) -> Env:
    """With random jitter as in production, the same in each run."""
    clock = loop_clock()
    source = FakeSource(clock, length=length, delay=STS_SECONDS)
    bucket = BucketSessions(source=source, address=ADDRESS, longest_lifetime=PROMISE)
    pool = SessionPool({"reports": bucket}, clock=clock, chance=random.Random(1).random)
    return Env(clock, source, pool)


def rate(asked_at: Sequence[float], *, since: float = 0.0, seconds: float = 10.0) -> float:
    """Return the highest number of calls per second in any `seconds`."""
    asked_at = asked_at[bisect_left(asked_at, since) :]
    counts = (
        bisect_left(asked_at, begin + seconds) - place for place, begin in enumerate(asked_at)
    )
    return max(counts, default=0) / seconds


async def ask(env: Env, number: int) -> float:
    """Retry as told until there is a session. Return the seconds it took."""
    began = env.clock.boot()
    while True:
        try:
            await env.pool.ready(owned(number))
        except CredentialsUnavailable as error:
            await asyncio.sleep(error.retry_after or 1)
        else:
            return env.clock.boot() - began


@asynccontextmanager
async def asking(env: Env, callers: int = CALLERS) -> AsyncIterator[None]:
    """All callers ask again and again."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_again(env, number)) for number in range(callers)]
        yield
        for task in tasks:
            task.cancel()


async def _again(env: Env, number: int) -> None:
    pauses = random.Random(number)
    while True:
        await asyncio.sleep(pauses.uniform(0, 100))
        with suppress(CredentialsUnavailable):
            await env.pool.ready(owned(number))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["denied", "down"])
@in_virtual_time
async def test_a_failing_role_causes_few_calls_for_many_callers(fault: Exception) -> None:
    env = many()
    env.source.fault = fault
    env.pool.start()
    async with asking(env):
        await asyncio.sleep(300)
    assert rate(env.source.asked_at) < MOST
    assert len(env.source.asked_at) <= 300 / WANTED_PAUSE + 30
    await env.pool.stop()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["denied", "down"])
@in_virtual_time
async def test_a_role_that_starts_to_fail_causes_few_calls(fault: Exception) -> None:
    """All callers have sessions, which become due and then expire."""
    env = many(length=900)
    env.pool.start()
    await asyncio.gather(*(env.pool.ready(owned(number)) for number in range(200)))
    for number in range(200, CALLERS):
        await env.pool.ready(owned(number))
    env.source.fault = fault
    failed_at = env.clock.boot()
    async with asking(env):
        await asyncio.sleep(1000)
    assert rate(env.source.asked_at, since=failed_at) < MOST
    await env.pool.stop()


@in_virtual_time
async def test_absent_callers_without_session_are_dropped_in_two_minutes() -> None:
    env = many()
    env.source.fault = DOWN
    for number in range(CALLERS):
        with pytest.raises(CredentialsUnavailable):
            await env.pool.ready(owned(number))
        env.source.asked_at.clear()
    await asyncio.sleep(120)
    assert not env.pool._entries
    assert not env.source.asked_at


@pytest.mark.slow
@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["denied", "down"])
@in_virtual_time
async def test_waiting_callers_are_served_soon_after_sts_recovers(fault: Exception) -> None:
    env = many()
    env.source.fault = fault
    env.pool.start()
    async with asking(env):
        await asyncio.sleep(300)
        env.source.fault = None
        served = await asyncio.gather(*(ask(env, number) for number in range(100)))
    assert max(served) <= SERVED_WITHIN
    await env.pool.stop()


@in_virtual_time
async def test_a_lone_caller_is_served_soon_after_sts_recovers() -> None:
    env = make_env(chance=0.99)
    env.source.fault = DOWN
    env.pool.start()
    while env.clock.boot() < 600:
        await refusal(env)
        await asyncio.sleep(1)
    env.source.fault = None
    began = env.clock.boot()
    while env.pool.current(OWN) is None:
        await asyncio.sleep(1)
        try:
            await env.pool.ready(OWN)
        except CredentialsUnavailable:
            continue
    assert env.clock.boot() - began <= SERVED_WITHIN


@in_virtual_time
async def test_the_first_success_retries_the_accounts_other_buckets() -> None:
    env = make_env("photos", chance=0.99)
    for source in env.sources.values():
        source.fault = DOWN
    env.pool.start()
    await asyncio.sleep(600)
    for source in env.sources.values():
        source.fault = None
    while not any(map(env.pool.is_alive, env.sources)):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await asyncio.sleep(WANTED_PAUSE + 1)
    assert all(env.pool.is_alive(bucket) for bucket in env.sources)


@in_virtual_time
async def test_a_failing_bucket_beside_a_working_one_causes_few_calls() -> None:
    env = make_env("photos", delay=STS_SECONDS, chance=0.5)
    photos = env.sources["photos"]
    photos.fault = DOWN
    env.pool.start()
    for number in range(600):
        await env.pool.ready(owned(number))
        await asyncio.sleep(1)
    assert len(photos.asked) <= 600 / WANTED_PAUSE + 10
    await env.pool.stop()


@in_virtual_time
async def test_one_denied_caller_does_not_delay_others() -> None:
    env = make_env(delay=STS_SECONDS)
    env.pool.start()
    await asyncio.sleep(10)
    env.source.fault = DENIED
    denied = asyncio.ensure_future(refusal(env, BILLING))
    await asyncio.sleep(STS_SECONDS * 1.5)  # the own session is refreshed too
    env.source.fault = None
    await denied
    await asyncio.sleep(STS_SECONDS * 2)
    began = env.clock.boot()
    await env.pool.ready(owned(1))
    assert env.clock.boot() - began < 2 * STS_SECONDS


@in_virtual_time
async def test_one_failure_of_the_own_session_delays_no_caller() -> None:
    env = make_env(chance=0.99)
    env.source.fault = DOWN
    env.pool.start()
    await asyncio.sleep(0.2)
    env.source.fault = None
    assert await env.pool.ready(BILLING) is env.pool.current(BILLING)
