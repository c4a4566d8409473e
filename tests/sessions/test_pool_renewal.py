"""What may replace a session, when it is renewed, and how that is hastened."""

import asyncio

import pytest

from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from tests.sessions.house import DUE_AT, OWN, PROMISE, a_house, refusal
from tests.support.fakes import in_virtual_time


@pytest.mark.parametrize("lives", [-1.0, 0.0, EXPIRY_MARGIN, 2000 - DUE_AT])
@in_virtual_time
async def test_an_answer_that_is_dead_or_shorter_keeps_what_we_have(lives: float) -> None:
    house = a_house()
    signing = await house.pool.ready(OWN)
    house.source.lives = lives
    await asyncio.sleep(DUE_AT + 10)
    assert len(house.source.asked) > 1
    assert house.pool.current(OWN) is signing


@in_virtual_time
async def test_a_cold_caller_is_given_no_dead_session() -> None:
    house = a_house()
    house.source.lives = EXPIRY_MARGIN
    assert (await refusal(house)).retry_after == 1
    assert house.pool.current(OWN) is None


@in_virtual_time
async def test_a_session_in_use_is_renewed_before_its_promise_is_broken_all_day() -> None:
    house = a_house(chance=0.5)
    house.pool.start()
    await asyncio.sleep(1)
    for _ in range(24 * 60):
        await asyncio.sleep(60)
        signing = house.pool.current(OWN)
        assert signing is not None
        assert signing.session.remaining(house.clock) >= PROMISE
    assert len(house.source.asked) <= 24 * 3600 / (DUE_AT - 60) + 1


@in_virtual_time
async def test_a_session_shorter_than_asked_for_is_renewed_by_its_own_length() -> None:
    house = a_house(length=3600)
    house.source.lives = 900
    house.pool.start()
    await asyncio.sleep(299)
    assert len(house.source.asked) == 1
    await asyncio.sleep(10)
    assert len(house.source.asked) == 2


@in_virtual_time
async def test_a_session_that_died_while_the_machine_slept_is_fetched_anew() -> None:
    house = a_house()
    first = await house.pool.ready(OWN)
    house.clock.suspend(4000)
    assert house.pool.current(OWN) is None
    assert await house.pool.ready(OWN) is not first


@in_virtual_time
async def test_a_session_cut_short_by_the_machines_sleep_is_renewed_soon_after() -> None:
    house = a_house()
    await house.pool.ready(OWN)
    house.clock.suspend(3500)
    await asyncio.sleep(60)
    assert len(house.source.asked) == 2


# Hastening


@in_virtual_time
async def test_a_session_is_hastened_though_it_is_good() -> None:
    house = a_house()
    first = await house.pool.ready(OWN)
    await asyncio.sleep(MIN_REFRESH_AGE + 1)
    assert house.pool.request_refresh(OWN) == 1
    await asyncio.sleep(1)
    assert house.pool.current(OWN) is not first
    assert len(house.source.asked) == 2


@in_virtual_time
async def test_a_young_session_is_not_hastened_however_often_one_asks() -> None:
    house = a_house(delay=0)
    await house.pool.ready(OWN)
    for age in range(29):
        assert house.pool.request_refresh(OWN) == MIN_REFRESH_AGE - age
        await asyncio.sleep(1)
    assert len(house.source.asked) == 1


@in_virtual_time
async def test_hastening_waits_for_the_backoff() -> None:
    house = a_house(chance=0.5, delay=0)
    await house.pool.ready(OWN)
    house.source.fault = OSError("no route")
    await asyncio.sleep(DUE_AT)  # jitter makes it due 24 s before, and the sixth attempt is to come
    asked = len(house.source.asked)
    told = house.pool.request_refresh(OWN)
    await asyncio.sleep(told - 1)
    assert len(house.source.asked) == asked
    await asyncio.sleep(1)
    assert len(house.source.asked) == asked + 1
