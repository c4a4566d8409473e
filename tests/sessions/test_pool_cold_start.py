"""The first sessions, and the end of a pool."""

import asyncio

import pytest

from service.sessions.attempts import MAX_IN_FLIGHT, MAX_IN_FLIGHT_A_BUCKET
from service.sessions.pool_entry import SessionKey
from tests.sessions.env import AT_ONCE, BILLING, OWN, make_env, refusal
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_two_hundred_cold_requests_share_one_attempt_per_key() -> None:
    env = make_env()
    callers = [env.pool.ready(key) for _ in range(100) for key in (OWN, BILLING)]
    given = await asyncio.gather(*callers)
    assert env.source.asked == [OWN.owner, BILLING.owner]
    assert {id(signing) for signing in given[::2]} == {id(env.pool.current(OWN))}
    assert {id(signing) for signing in given[1::2]} == {id(env.pool.current(BILLING))}


@in_virtual_time
async def test_an_existing_session_is_returned_at_once() -> None:
    env = make_env()
    first = await env.pool.ready(OWN)
    now = env.clock.boot()
    assert await env.pool.ready(OWN) is first
    assert env.pool.current(OWN) is first
    assert env.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_looking_for_a_session_does_not_start_an_attempt() -> None:
    env = make_env()
    assert env.pool.current(OWN) is None
    assert not env.pool.is_alive("reports")
    await asyncio.sleep(60)
    assert env.source.asked == []


@in_virtual_time
async def test_start_fetches_own_sessions_without_waiting() -> None:
    env = make_env("photos")
    env.pool.start()
    assert not env.pool.is_alive("reports")
    await asyncio.sleep(1)
    assert env.pool.is_alive("reports")
    assert env.pool.is_alive("photos")
    assert [source.asked for source in env.sources.values()] == [[None], [None]]


@in_virtual_time
async def test_a_callers_session_does_not_make_its_bucket_alive() -> None:
    env = make_env()
    await env.pool.ready(BILLING)
    assert not env.pool.is_alive("reports")


@in_virtual_time
async def test_each_bucket_and_owner_has_its_own_session() -> None:
    env = make_env("photos")
    keys = [
        SessionKey(bucket, owner, None)
        for bucket in ("reports", "photos")
        for owner in (None, (None, "b"), ("a", "b"))
    ]
    given = [await env.pool.ready(key) for key in keys]
    assert len({id(signing) for signing in given}) == 6
    assert env.sources["photos"].asked == [None, (None, "b"), ("a", "b")]


@in_virtual_time
async def test_at_most_sixteen_calls_to_sts_run_at_once() -> None:
    env = make_env("photos", "films", "songs", "texts", delay=1)
    waiting = [
        asyncio.ensure_future(env.pool.ready(SessionKey(bucket, (None, str(number)), None)))
        for bucket in env.sources
        for number in range(MAX_IN_FLIGHT_A_BUCKET + 2)
    ]
    await asyncio.sleep(0.5)
    under_way = [len(source.asked) for source in env.sources.values()]
    assert sum(under_way) == MAX_IN_FLIGHT
    assert max(under_way) == MAX_IN_FLIGHT_A_BUCKET
    await asyncio.gather(*waiting)


@in_virtual_time
async def test_a_disconnecting_caller_does_not_stop_the_attempt() -> None:
    env = make_env(delay=0.5)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await env.pool.ready(OWN)
    signing = await env.pool.ready(OWN)
    assert env.pool.current(OWN) is signing
    assert env.source.asked == [None]


@in_virtual_time
async def test_stop_leaves_no_task() -> None:
    env = make_env("photos", delay=1)
    env.pool.start()
    waiting = asyncio.ensure_future(refusal(env, BILLING))
    await asyncio.sleep(0.5)  # attempts have started and not ended
    await env.pool.stop()
    await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert env.pool.current(OWN) is None


@in_virtual_time
async def test_stop_refuses_waiting_requests_at_once() -> None:
    env = make_env(delay=1)
    waiting = asyncio.ensure_future(refusal(env))
    await asyncio.sleep(0.5)
    begun = env.clock.boot()
    await env.pool.stop()
    await waiting
    assert env.clock.boot() - begun < AT_ONCE
