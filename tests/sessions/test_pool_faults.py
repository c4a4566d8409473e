"""A source that fails, hangs or ends an attempt strangely."""

import asyncio
from itertools import pairwise

import pytest

from service.sessions.attempts import ATTEMPT_SECONDS, MAX_IN_FLIGHT, WANTED_PAUSE
from service.sessions.pool_entry import SessionKey
from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from tests.sessions.house import AT_ONCE, DUE_AT, OWN, a_house, refusal
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_a_failing_source_is_asked_once_for_all_and_callers_are_told_when_to_return() -> None:
    house = a_house(chance=0.5)
    house.source.fault = OSError("no route")
    errors = await asyncio.gather(*(refusal(house) for _ in range(200)))
    assert house.source.asked == [None]
    assert {error.retry_after for error in errors} == {2}  # 1.5 s, rounded up


@in_virtual_time
async def test_a_caller_is_refused_at_once_during_a_backoff() -> None:
    house = a_house(chance=0.5)
    house.source.fault = OSError("no route")
    await refusal(house)
    now = house.clock.boot()
    error = await refusal(house)
    assert house.clock.boot() - now < AT_ONCE
    assert error.retry_after == 2
    assert house.source.asked == [None]


@in_virtual_time
async def test_a_failing_source_is_asked_once_a_backoff_step_however_many_ask_us() -> None:
    house = a_house(delay=0, chance=0.5)
    house.source.fault = OSError("no route")
    while house.clock.boot() < 120:
        await asyncio.gather(*(refusal(house) for _ in range(10)))
        await asyncio.sleep(0.25)
    pauses = [later - sooner for sooner, later in pairwise(house.source.asked_at)]
    assert pauses[:4] == pytest.approx([1.5, 2.5, 4.5, 8.5], abs=0.01)
    assert pauses[4:] == pytest.approx([WANTED_PAUSE] * 10, abs=0.01)


@in_virtual_time
async def test_a_failing_source_that_nobody_waits_for_is_asked_once_a_minute_at_most() -> None:
    house = a_house(delay=0, chance=0.5)
    house.source.fault = OSError("no route")
    house.pool.start()
    await asyncio.sleep(120)
    pauses = [later - sooner for sooner, later in pairwise(house.source.asked_at)]
    assert pauses == pytest.approx([1.5, 2.5, 4.5, 8.5, 16.5, 30.5, 30.5], abs=0.01)


@in_virtual_time
async def test_a_source_that_recovers_is_found_by_the_pool_itself() -> None:
    house = a_house()
    house.source.fault = OSError("no route")
    await refusal(house)
    house.source.fault = None
    await asyncio.sleep(1.2)
    assert house.pool.current(OWN) is not None


@in_virtual_time
async def test_a_source_that_recovers_is_forgiven_its_failures() -> None:
    house = a_house(chance=0.5)
    house.source.fault = OSError("no route")
    house.pool.start()
    await asyncio.sleep(100)
    house.source.fault = None
    await asyncio.sleep(30.5 + MIN_REFRESH_AGE)
    house.source.fault = OSError("no route")
    house.pool.request_refresh(OWN)
    await asyncio.sleep(2)
    first, second = house.source.asked_at[-2:]
    assert second - first == pytest.approx(1.6, abs=0.01)  # the first pause, and the attempt


@in_virtual_time
async def test_a_source_that_fails_leaves_a_good_session_in_use_to_its_end() -> None:
    house = a_house(delay=0)
    signing = await house.pool.ready(OWN)
    house.source.fault = OSError("no route")
    await asyncio.sleep(3600 - EXPIRY_MARGIN - 2)
    assert len(house.source.asked) > 1
    assert house.pool.current(OWN) is signing
    await asyncio.sleep(2)
    assert house.pool.current(OWN) is None
    assert not house.pool.is_alive("reports")
    await refusal(house)


@in_virtual_time
async def test_a_source_that_hangs_holds_nobody_who_has_a_good_session() -> None:
    house = a_house()
    signing = await house.pool.ready(OWN)
    house.source.hangs = True
    await asyncio.sleep(DUE_AT + 1)
    assert len(house.source.asked) == 2
    now = house.clock.boot()
    assert await house.pool.ready(OWN) is signing
    assert house.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_a_cold_caller_of_a_source_that_hangs_is_refused_within_the_limit() -> None:
    house = a_house()
    house.source.hangs = True
    begun = house.clock.boot()
    error = await refusal(house)
    assert house.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1
    assert error.retry_after is not None
    assert error.retry_after >= 1


@in_virtual_time
async def test_a_source_that_hangs_is_given_up_and_asked_again() -> None:
    house = a_house()
    house.source.hangs = True
    house.pool.start()
    await asyncio.sleep(ATTEMPT_SECONDS + 0.1)
    house.source.hangs = False
    await asyncio.sleep(2)
    assert house.pool.is_alive("reports")


@in_virtual_time
async def test_a_cancellation_from_within_a_source_is_a_failure_like_others() -> None:
    house = a_house()
    house.source.fault = asyncio.CancelledError()
    await refusal(house)
    house.source.fault = None
    await asyncio.sleep(60)
    assert house.pool.current(OWN) is not None


@in_virtual_time
async def test_a_bucket_whose_sts_hangs_does_not_hold_up_another_buckets_callers() -> None:
    house = a_house("photos")
    house.sources["photos"].hangs = True
    hanging = [
        asyncio.ensure_future(refusal(house, SessionKey("photos", (None, str(n)), None)))
        for n in range(MAX_IN_FLIGHT)
    ]
    await asyncio.sleep(0)
    assert await house.pool.ready(OWN) is house.pool.current(OWN)
    await asyncio.gather(*hanging)
