"""The keys of one issuer, in virtual time: `asyncio.sleep` moves the clock."""

import asyncio

import pytest

from service.auth.jwks_cache import JITTER, REFRESH_SECONDS, STALE_SECONDS, TOO_MANY_WAIT
from service.concurrency.waiting import Waiting
from service.errors import Overloaded
from tests.auth.harness import AT_ONCE, DOWN, found_at_once, make_harness, make_warm_harness, pauses
from tests.auth.mint import ed_key, jwk, jwks
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_new_key_is_found_on_first_use() -> None:
    harness = await make_warm_harness()
    harness.source.publish("one", "two")
    assert await harness.keys.find("two") is not None
    assert found_at_once(harness, "two")


@in_virtual_time
async def test_keys_are_refreshed_periodically_and_earlier_by_jitter() -> None:
    chances = [0.5, 0.25, 0.0, 0.0]
    harness = make_harness(jitter=iter(chances).__next__)
    harness.keys.start()
    await asyncio.sleep(3 * REFRESH_SECONDS)
    expected = [REFRESH_SECONDS * (1 - JITTER * chance) for chance in chances[:3]]
    assert pauses(harness) == pytest.approx(expected, abs=0.01)


@in_virtual_time
async def test_withdrawn_keys_are_no_longer_found() -> None:
    harness = await make_warm_harness("one", "two")
    harness.source.publish("two")
    await asyncio.sleep(REFRESH_SECONDS)
    assert await harness.keys.find("one") is None
    assert found_at_once(harness, "two")


@in_virtual_time
async def test_early_requests_wait_for_one_fetch() -> None:
    harness = make_harness()
    key, *others = await asyncio.gather(*(harness.keys.find("one") for _ in range(100)))
    assert key is not None
    assert key.public == ed_key("one").public_key()
    assert all(other is key for other in others)
    assert len(harness.source.fetched_at) == 1


@in_virtual_time
async def test_at_most_a_quarter_of_the_places_waits_for_issuers() -> None:
    waiting = Waiting(40)
    one, other = make_harness(waiting=waiting), make_harness(waiting=waiting)
    one.source.hangs = other.source.hangs = True
    asked = [asyncio.ensure_future(one.keys.find("x")) for _ in range(10)]
    await asyncio.sleep(0.1)
    began = one.clock.boot()
    for harness in (one, other):
        with pytest.raises(Overloaded, match=TOO_MANY_WAIT):
            await harness.keys.find("x")
    assert one.clock.boot() - began < 0.1
    assert not any(each.done() for each in asked)
    await asyncio.gather(*asked, return_exceptions=True)
    other.source.hangs = False
    assert await other.keys.find("one") is not None


@in_virtual_time
async def test_unknown_keys_do_not_wait_between_attempts() -> None:
    harness = await make_warm_harness()
    await harness.keys.find("forged")
    now = harness.clock.boot()
    assert await harness.keys.find("forged") is None
    assert harness.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_a_cancelled_request_stops_no_fetch() -> None:
    harness = make_harness()
    impatient = asyncio.ensure_future(harness.keys.find("one"))
    patient = asyncio.ensure_future(harness.keys.find("one"))
    await asyncio.sleep(0.05)
    impatient.cancel()
    assert await patient is not None
    assert impatient.cancelled()
    assert len(harness.source.fetched_at) == 1


@in_virtual_time
async def test_keys_age_during_a_suspend() -> None:
    harness = await make_warm_harness()
    harness.clock.suspend(STALE_SECONDS)
    assert not harness.keys.knows("one")


@in_virtual_time
async def test_a_refresh_due_after_a_suspend_happens_soon() -> None:
    harness = await make_warm_harness()
    harness.clock.suspend(REFRESH_SECONDS)
    await asyncio.sleep(30)
    assert len(harness.source.fetched_at) == 2


@in_virtual_time
async def test_only_changed_keys_increase_the_generation() -> None:
    harness = make_harness("one", "two")
    assert harness.keys.generation == 0
    harness.keys.start()
    await asyncio.sleep(1)
    assert harness.keys.generation == 1
    harness.source.publish("two", "one")
    await asyncio.sleep(REFRESH_SECONDS)
    assert harness.keys.generation == 1
    harness.source.publish("one")
    await asyncio.sleep(REFRESH_SECONDS)
    assert harness.keys.generation == 2
    harness.source.document = jwks(jwk(ed_key("two"), "one"))
    await asyncio.sleep(2 * STALE_SECONDS)  # refreshed keys never become stale
    assert harness.keys.generation == 3
    assert found_at_once(harness)


@in_virtual_time
async def test_dropping_stale_keys_increases_the_generation() -> None:
    harness = await make_warm_harness()
    harness.source.error = DOWN
    await asyncio.sleep(STALE_SECONDS + 1)
    assert harness.keys.generation == 2


@in_virtual_time
async def test_stop_leaves_no_task_and_no_waiting_request() -> None:
    harness = make_harness()
    harness.source.hangs = True
    harness.keys.start()
    waiting = asyncio.ensure_future(harness.refusal())
    await asyncio.sleep(1)
    now = harness.clock.boot()
    await harness.keys.stop()
    await waiting
    assert harness.clock.boot() - now < AT_ONCE
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_stop_works_without_start() -> None:
    await make_harness().keys.stop()
