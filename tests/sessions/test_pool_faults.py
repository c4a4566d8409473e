"""Sources that fail, hang or cancel themselves."""

import asyncio
from itertools import pairwise

import pytest

from service.sessions.attempts import ATTEMPT_SECONDS, MAX_IN_FLIGHT, WANTED_PAUSE
from service.sessions.pool_entry import SessionKey
from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from tests.sessions.env import AT_ONCE, DUE_AT, OWN, make_env, refusal
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_concurrent_callers_share_one_failed_attempt() -> None:
    env = make_env(chance=0.5)
    env.source.fault = OSError("no route")
    errors = await asyncio.gather(*(refusal(env) for _ in range(200)))
    assert env.source.asked == [None]
    assert {error.retry_after for error in errors} == {2}  # 1.5 s, rounded up


@in_virtual_time
async def test_callers_are_refused_at_once_during_a_backoff() -> None:
    env = make_env(chance=0.5)
    env.source.fault = OSError("no route")
    await refusal(env)
    now = env.clock.boot()
    error = await refusal(env)
    assert env.clock.boot() - now < AT_ONCE
    assert error.retry_after == 2
    assert env.source.asked == [None]


@in_virtual_time
async def test_many_callers_cause_one_attempt_per_backoff() -> None:
    env = make_env(delay=0, chance=0.5)
    env.source.fault = OSError("no route")
    while env.clock.boot() < 120:
        await asyncio.gather(*(refusal(env) for _ in range(10)))
        await asyncio.sleep(0.25)
    pauses = [later - sooner for sooner, later in pairwise(env.source.asked_at)]
    assert pauses[:4] == pytest.approx([1.5, 2.5, 4.5, 8.5], abs=0.01)
    assert pauses[4:] == pytest.approx([WANTED_PAUSE] * 10, abs=0.01)


@in_virtual_time
async def test_without_requests_the_backoff_grows_to_a_minute() -> None:
    env = make_env(delay=0, chance=0.5)
    env.source.fault = OSError("no route")
    env.pool.start()
    await asyncio.sleep(120)
    pauses = [later - sooner for sooner, later in pairwise(env.source.asked_at)]
    assert pauses == pytest.approx([1.5, 2.5, 4.5, 8.5, 16.5, 30.5, 30.5], abs=0.01)


@in_virtual_time
async def test_the_pool_itself_notices_recovery() -> None:
    env = make_env()
    env.source.fault = OSError("no route")
    await refusal(env)
    env.source.fault = None
    await asyncio.sleep(1.2)
    assert env.pool.current(OWN) is not None


@in_virtual_time
async def test_success_resets_the_backoff() -> None:
    env = make_env(chance=0.5)
    env.source.fault = OSError("no route")
    env.pool.start()
    await asyncio.sleep(100)
    env.source.fault = None
    await asyncio.sleep(30.5 + MIN_REFRESH_AGE)
    env.source.fault = OSError("no route")
    env.pool.request_refresh(OWN)
    await asyncio.sleep(2)
    first, second = env.source.asked_at[-2:]
    assert second - first == pytest.approx(1.6, abs=0.01)  # the first pause, and the attempt


@in_virtual_time
async def test_failures_leave_a_good_session_in_use_until_it_expires() -> None:
    env = make_env(delay=0)
    signing = await env.pool.ready(OWN)
    env.source.fault = OSError("no route")
    await asyncio.sleep(3600 - EXPIRY_MARGIN - 2)
    assert len(env.source.asked) > 1
    assert env.pool.current(OWN) is signing
    await asyncio.sleep(2)
    assert env.pool.current(OWN) is None
    assert not env.pool.is_alive("reports")
    await refusal(env)


@in_virtual_time
async def test_a_hanging_source_delays_nobody_with_a_good_session() -> None:
    env = make_env()
    signing = await env.pool.ready(OWN)
    env.source.hangs = True
    await asyncio.sleep(DUE_AT + 1)
    assert len(env.source.asked) == 2
    now = env.clock.boot()
    assert await env.pool.ready(OWN) is signing
    assert env.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_cold_callers_of_a_hanging_source_are_refused_in_time() -> None:
    env = make_env()
    env.source.hangs = True
    begun = env.clock.boot()
    error = await refusal(env)
    assert env.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1
    assert error.retry_after is not None
    assert error.retry_after >= 1


@in_virtual_time
async def test_a_hanging_attempt_is_given_up_and_repeated() -> None:
    env = make_env()
    env.source.hangs = True
    env.pool.start()
    await asyncio.sleep(ATTEMPT_SECONDS + 0.1)
    env.source.hangs = False
    await asyncio.sleep(2)
    assert env.pool.is_alive("reports")


@in_virtual_time
async def test_a_cancellation_inside_the_source_is_a_failed_attempt() -> None:
    env = make_env()
    env.source.fault = asyncio.CancelledError()
    await refusal(env)
    env.source.fault = None
    await asyncio.sleep(60)
    assert env.pool.current(OWN) is not None


@in_virtual_time
async def test_a_hanging_sts_does_not_delay_other_buckets() -> None:
    env = make_env("photos")
    env.sources["photos"].hangs = True
    hanging = [
        asyncio.ensure_future(refusal(env, SessionKey("photos", (None, str(n)), None)))
        for n in range(MAX_IN_FLIGHT)
    ]
    await asyncio.sleep(0)
    assert await env.pool.ready(OWN) is env.pool.current(OWN)
    await asyncio.gather(*hanging)
