"""The first sessions, and the end of a pool."""

import asyncio

import pytest

from service.sessions.attempts import MAX_IN_FLIGHT, MAX_IN_FLIGHT_PER_BUCKET
from service.sessions.pool_entry import SessionKey
from tests.support.pool import AT_ONCE, BILLING, OWN, make_pool_harness
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_two_hundred_cold_requests_share_one_attempt_per_key() -> None:
    harness = make_pool_harness()
    callers = [harness.pool.ready(key) for _ in range(100) for key in (OWN, BILLING)]
    given = await asyncio.gather(*callers)
    assert harness.source.fetched == [OWN.owner, BILLING.owner]
    assert {id(signing) for signing in given[::2]} == {id(harness.pool.current(OWN))}
    assert {id(signing) for signing in given[1::2]} == {id(harness.pool.current(BILLING))}


@in_virtual_time
async def test_looking_for_a_session_does_not_start_an_attempt() -> None:
    harness = make_pool_harness()
    assert harness.pool.current(OWN) is None
    assert not harness.pool.is_alive("reports")
    await asyncio.sleep(60)
    assert harness.source.fetched == []


@in_virtual_time
async def test_start_fetches_own_sessions_without_waiting() -> None:
    harness = make_pool_harness("photos")
    harness.pool.start()
    assert not harness.pool.is_alive("reports")
    await asyncio.sleep(1)
    assert harness.pool.is_alive("reports")
    assert harness.pool.is_alive("photos")
    assert [source.fetched for source in harness.sources.values()] == [[None], [None]]


@in_virtual_time
async def test_a_callers_session_does_not_make_its_bucket_alive() -> None:
    harness = make_pool_harness()
    await harness.pool.ready(BILLING)
    assert not harness.pool.is_alive("reports")


@in_virtual_time
async def test_each_bucket_and_owner_has_its_own_session() -> None:
    harness = make_pool_harness("photos")
    keys = [
        SessionKey(bucket, owner, None)
        for bucket in ("reports", "photos")
        for owner in (None, (None, "b"), ("a", "b"))
    ]
    given = [await harness.pool.ready(key) for key in keys]
    assert len({id(signing) for signing in given}) == 6
    assert harness.sources["photos"].fetched == [None, (None, "b"), ("a", "b")]


@in_virtual_time
async def test_at_most_sixteen_calls_to_sts_run_at_once() -> None:
    harness = make_pool_harness("photos", "films", "songs", "texts", delay=1)
    waiting = [
        asyncio.ensure_future(harness.pool.ready(SessionKey(bucket, (None, str(number)), None)))
        for bucket in harness.sources
        for number in range(MAX_IN_FLIGHT_PER_BUCKET + 2)
    ]
    await asyncio.sleep(0.5)
    under_way = [len(source.fetched) for source in harness.sources.values()]
    assert sum(under_way) == MAX_IN_FLIGHT
    assert max(under_way) == MAX_IN_FLIGHT_PER_BUCKET
    await asyncio.gather(*waiting)


@in_virtual_time
async def test_a_disconnecting_caller_does_not_stop_the_attempt() -> None:
    harness = make_pool_harness(delay=0.5)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await harness.pool.ready(OWN)
    signing = await harness.pool.ready(OWN)
    assert harness.pool.current(OWN) is signing
    assert harness.source.fetched == [None]


@in_virtual_time
async def test_stop_refuses_waiting_requests_at_once_and_leaves_no_task() -> None:
    harness = make_pool_harness("photos", delay=1)
    harness.pool.start()
    waiting = asyncio.ensure_future(harness.refusal(BILLING))
    await asyncio.sleep(0.5)  # attempts have started and not ended
    begun = harness.clock.boot()
    await harness.pool.stop()
    await waiting
    assert harness.clock.boot() - begun < AT_ONCE
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert harness.pool.current(OWN) is None
