"""When sessions are refreshed, by what, and on whose request."""

import asyncio

import pytest

from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from tests.sessions.env import DUE_AT, OWN, PROMISE, make_env, refusal
from tests.support.fakes import in_virtual_time


@pytest.mark.parametrize("lives", [-1.0, 0.0, EXPIRY_MARGIN, 2000 - DUE_AT])
@in_virtual_time
async def test_expired_or_shorter_sessions_replace_nothing(lives: float) -> None:
    env = make_env()
    signing = await env.pool.ready(OWN)
    env.source.lives = lives
    await asyncio.sleep(DUE_AT + 10)
    assert len(env.source.asked) > 1
    assert env.pool.current(OWN) is signing


@in_virtual_time
async def test_cold_callers_get_no_expired_session() -> None:
    env = make_env()
    env.source.lives = EXPIRY_MARGIN
    assert (await refusal(env)).retry_after == 1
    assert env.pool.current(OWN) is None


@in_virtual_time
async def test_a_used_session_covers_the_longest_lifetime_all_day() -> None:
    env = make_env(chance=0.5)
    env.pool.start()
    await asyncio.sleep(1)
    for _ in range(24 * 60):
        await asyncio.sleep(60)
        signing = env.pool.current(OWN)
        assert signing is not None
        assert signing.session.remaining(env.clock) >= PROMISE
    assert len(env.source.asked) <= 24 * 3600 / (DUE_AT - 60) + 1


@in_virtual_time
async def test_refreshes_follow_the_granted_length() -> None:
    env = make_env(length=3600)
    env.source.lives = 900
    env.pool.start()
    await asyncio.sleep(299)
    assert len(env.source.asked) == 1
    await asyncio.sleep(10)
    assert len(env.source.asked) == 2


@in_virtual_time
async def test_a_session_that_expired_during_a_suspend_is_replaced() -> None:
    env = make_env()
    first = await env.pool.ready(OWN)
    env.clock.suspend(4000)
    assert env.pool.current(OWN) is None
    assert await env.pool.ready(OWN) is not first


@in_virtual_time
async def test_a_session_due_after_a_suspend_is_refreshed_soon() -> None:
    env = make_env()
    await env.pool.ready(OWN)
    env.clock.suspend(3500)
    await asyncio.sleep(60)
    assert len(env.source.asked) == 2


@in_virtual_time
async def test_a_refresh_can_be_requested_for_a_good_session() -> None:
    env = make_env()
    first = await env.pool.ready(OWN)
    await asyncio.sleep(MIN_REFRESH_AGE + 1)
    assert env.pool.request_refresh(OWN) == 1
    await asyncio.sleep(1)
    assert env.pool.current(OWN) is not first
    assert len(env.source.asked) == 2


@in_virtual_time
async def test_young_sessions_are_not_refreshed_on_request() -> None:
    env = make_env(delay=0)
    await env.pool.ready(OWN)
    for age in range(29):
        assert env.pool.request_refresh(OWN) == MIN_REFRESH_AGE - age
        await asyncio.sleep(1)
    assert len(env.source.asked) == 1


@in_virtual_time
async def test_requested_refreshes_wait_for_the_backoff() -> None:
    env = make_env(chance=0.5, delay=0)
    await env.pool.ready(OWN)
    env.source.fault = OSError("no route")
    await asyncio.sleep(DUE_AT)  # due 24 s before by jitter; the sixth attempt is next
    asked = len(env.source.asked)
    wait = env.pool.request_refresh(OWN)
    await asyncio.sleep(wait - 1)
    assert len(env.source.asked) == asked
    await asyncio.sleep(1)
    assert len(env.source.asked) == asked + 1
