"""The keys of one issuer, in virtual time. `asyncio.sleep` is how a test moves the clock."""

import asyncio

import pytest

from service.auth.jwks_cache import JITTER, REFRESH_SECONDS, STALE_SECONDS
from service.concurrency.waiting import Waiting
from service.errors import Overloaded
from tests.auth.house import AT_ONCE, DOWN, a_house, a_warm_house, found_at_once, pauses
from tests.auth.mint import ed_key, jwk, jwks
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_the_keys_come_without_anybody_asking() -> None:
    house = a_house()
    house.keys.start()
    await asyncio.sleep(0.2)
    assert found_at_once(house)


@in_virtual_time
async def test_whoever_comes_before_the_keys_waits_for_them() -> None:
    house = a_house()
    key = await house.keys.find("one")
    assert key is not None
    assert key.public == ed_key("one").public_key()


@in_virtual_time
async def test_a_new_key_is_found_by_its_first_use() -> None:
    house = await a_warm_house()
    house.source.publish("one", "two")
    assert await house.keys.find("two") is not None
    assert found_at_once(house, "two")


@in_virtual_time
async def test_keys_are_fetched_anew_all_the_time() -> None:
    house = a_house()
    house.keys.start()
    await asyncio.sleep(2 * REFRESH_SECONDS + 1)
    assert pauses(house) == pytest.approx([REFRESH_SECONDS] * 2, abs=0.01)


@in_virtual_time
async def test_replicas_do_not_fetch_together() -> None:
    house = a_house(chance=iter([0.5, 0.25, 0.0]).__next__)
    house.keys.start()
    await asyncio.sleep(2 * REFRESH_SECONDS)
    sooner = [REFRESH_SECONDS * (1 - JITTER * chance) for chance in (0.5, 0.25)]
    assert pauses(house) == pytest.approx(sooner, abs=0.01)


@in_virtual_time
async def test_a_key_that_is_withdrawn_is_no_longer_found() -> None:
    house = await a_warm_house("one", "two")
    house.source.publish("two")
    await asyncio.sleep(REFRESH_SECONDS)
    assert await house.keys.find("one") is None
    assert found_at_once(house, "two")


@in_virtual_time
async def test_many_who_come_together_share_one_fetch() -> None:
    house = a_house()
    keys = await asyncio.gather(*(house.keys.find("one") for _ in range(100)))
    assert len(set(map(id, keys))) == 1
    assert len(house.source.asked_at) == 1


@in_virtual_time
async def test_only_a_quarter_of_the_places_waits_for_all_issuers() -> None:
    waiting = Waiting(40)
    one, other = a_house(waiting=waiting), a_house(waiting=waiting)
    one.source.hangs = other.source.hangs = True
    asked = [asyncio.ensure_future(one.keys.find("x")) for _ in range(10)]
    await asyncio.sleep(0.1)
    began = one.clock.boot()
    for house in (one, other):
        with pytest.raises(Overloaded):
            await house.keys.find("x")
    assert one.clock.boot() - began < 0.1
    assert not any(each.done() for each in asked)
    await asyncio.gather(*asked, return_exceptions=True)
    other.source.hangs = False
    assert await other.keys.find("one") is not None


@in_virtual_time
async def test_whoever_comes_during_the_first_fetch_shares_it() -> None:
    house = a_house()
    house.keys.start()
    await asyncio.sleep(0.05)
    assert await house.keys.find("one") is not None
    assert len(house.source.asked_at) == 1


@in_virtual_time
async def test_an_unknown_key_is_refused_at_once_while_the_issuer_may_not_be_asked() -> None:
    house = await a_warm_house()
    await house.keys.find("forged")
    now = house.clock.boot()
    assert await house.keys.find("forged") is None
    assert house.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_a_request_that_is_cancelled_stops_no_fetch() -> None:
    house = a_house()
    impatient = asyncio.ensure_future(house.keys.find("one"))
    patient = asyncio.ensure_future(house.keys.find("one"))
    await asyncio.sleep(0.05)
    impatient.cancel()
    assert await patient is not None
    assert impatient.cancelled()
    assert len(house.source.asked_at) == 1


@in_virtual_time
async def test_keys_that_come_again_are_not_dropped_for_their_age() -> None:
    house = await a_warm_house()
    await asyncio.sleep(2 * STALE_SECONDS)
    assert found_at_once(house)
    assert house.keys.generation == 1


@in_virtual_time
async def test_a_suspend_makes_keys_older() -> None:
    house = await a_warm_house()
    house.clock.suspend(STALE_SECONDS)
    assert not house.keys.knows("one")


@in_virtual_time
async def test_a_refresh_that_a_suspend_has_made_due_is_made_soon() -> None:
    house = await a_warm_house()
    house.clock.suspend(REFRESH_SECONDS)
    await asyncio.sleep(30)
    assert len(house.source.asked_at) == 2


@in_virtual_time
async def test_the_generation_grows_only_when_the_keys_have_changed() -> None:
    house = a_house("one", "two")
    assert house.keys.generation == 0
    house.keys.start()
    await asyncio.sleep(1)
    assert house.keys.generation == 1
    house.source.publish("two", "one")
    await asyncio.sleep(REFRESH_SECONDS)
    assert house.keys.generation == 1
    house.source.publish("one")
    await asyncio.sleep(REFRESH_SECONDS)
    assert house.keys.generation == 2


@in_virtual_time
async def test_another_key_of_the_same_name_is_another_generation() -> None:
    house = await a_warm_house()
    house.source.document = jwks(jwk(ed_key("two"), "one"))
    await asyncio.sleep(REFRESH_SECONDS)
    assert house.keys.generation == 2


@in_virtual_time
async def test_keys_that_are_too_old_are_another_generation_though_nobody_asks_for_one() -> None:
    house = await a_warm_house()
    house.source.fault = DOWN
    await asyncio.sleep(STALE_SECONDS + 1)
    assert house.keys.generation == 2


@in_virtual_time
async def test_keys_that_stop_leave_no_task_behind_and_nobody_waiting() -> None:
    house = a_house()
    house.source.hangs = True
    house.keys.start()
    waiting = asyncio.ensure_future(house.refusal())
    await asyncio.sleep(1)
    now = house.clock.boot()
    await house.keys.stop()
    await waiting
    assert house.clock.boot() - now < AT_ONCE
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_keys_that_never_started_can_stop() -> None:
    house = a_house()
    await house.keys.stop()
    assert not house.source.asked_at
