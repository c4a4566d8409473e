"""A first session: who starts it, who shares it and who does not."""

import asyncio

import pytest

from service.sessions.attempts import MAX_IN_FLIGHT, MAX_IN_FLIGHT_A_BUCKET
from service.sessions.pool_entry import SessionKey
from tests.sessions.house import AT_ONCE, BILLING, OWN, a_house
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_two_hundred_cold_callers_share_one_fetch_a_key() -> None:
    house = a_house()
    callers = [house.pool.ready(key) for _ in range(100) for key in (OWN, BILLING)]
    given = await asyncio.gather(*callers)
    assert house.source.asked == [OWN.owner, BILLING.owner]
    assert {id(signing) for signing in given[::2]} == {id(house.pool.current(OWN))}
    assert {id(signing) for signing in given[1::2]} == {id(house.pool.current(BILLING))}


@in_virtual_time
async def test_a_session_that_is_there_is_given_without_a_wait() -> None:
    house = a_house()
    first = await house.pool.ready(OWN)
    now = house.clock.boot()
    assert await house.pool.ready(OWN) is first
    assert house.pool.current(OWN) is first
    assert house.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_to_look_for_a_session_starts_none() -> None:
    house = a_house()
    assert house.pool.current(OWN) is None
    assert not house.pool.is_alive("reports")
    await asyncio.sleep(60)
    assert house.source.asked == []


@in_virtual_time
async def test_a_start_brings_each_buckets_own_session_and_waits_for_none() -> None:
    house = a_house("photos")
    house.pool.start()
    assert not house.pool.is_alive("reports")
    await asyncio.sleep(1)
    assert house.pool.is_alive("reports")
    assert house.pool.is_alive("photos")
    assert [source.asked for source in house.sources.values()] == [[None], [None]]


@in_virtual_time
async def test_a_bucket_is_not_alive_by_a_callers_session() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    assert not house.pool.is_alive("reports")


@in_virtual_time
async def test_buckets_and_owners_have_sessions_of_their_own() -> None:
    house = a_house("photos")
    keys = [
        SessionKey(bucket, owner, None)
        for bucket in ("reports", "photos")
        for owner in (None, (None, "b"), ("a", "b"))
    ]
    given = [await house.pool.ready(key) for key in keys]
    assert len({id(signing) for signing in given}) == 6
    assert house.sources["photos"].asked == [None, (None, "b"), ("a", "b")]


@in_virtual_time
async def test_no_more_than_sixteen_calls_to_sts_are_under_way() -> None:
    house = a_house("photos", "films", "songs", "texts", delay=1)
    waiting = [
        asyncio.ensure_future(house.pool.ready(SessionKey(bucket, (None, str(number)), None)))
        for bucket in house.sources
        for number in range(MAX_IN_FLIGHT_A_BUCKET + 2)
    ]
    await asyncio.sleep(0.5)
    under_way = [len(source.asked) for source in house.sources.values()]
    assert sum(under_way) == MAX_IN_FLIGHT
    assert max(under_way) == MAX_IN_FLIGHT_A_BUCKET
    await asyncio.gather(*waiting)


@in_virtual_time
async def test_a_caller_that_goes_away_does_not_stop_the_fetch() -> None:
    house = a_house(delay=0.5)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await house.pool.ready(OWN)
    signing = await house.pool.ready(OWN)
    assert house.pool.current(OWN) is signing
    assert house.source.asked == [None]
