"""The keys of one issuer, in virtual time: `asyncio.sleep` moves the clock."""

import asyncio

import pytest

from service.auth.jwks_cache import JITTER, REFRESH_SECONDS, STALE_SECONDS
from service.concurrency.waiting import Waiting
from service.errors import Overloaded
from tests.auth.env import AT_ONCE, DOWN, found_at_once, make_env, make_warm_env, pauses
from tests.auth.mint import ed_key, jwk, jwks
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_keys_are_fetched_before_any_request() -> None:
    env = make_env()
    env.keys.start()
    await asyncio.sleep(0.2)
    assert found_at_once(env)


@in_virtual_time
async def test_early_requests_wait_for_the_keys() -> None:
    env = make_env()
    key = await env.keys.find("one")
    assert key is not None
    assert key.public == ed_key("one").public_key()


@in_virtual_time
async def test_a_new_key_is_found_on_first_use() -> None:
    env = await make_warm_env()
    env.source.publish("one", "two")
    assert await env.keys.find("two") is not None
    assert found_at_once(env, "two")


@in_virtual_time
async def test_keys_are_refreshed_periodically() -> None:
    env = make_env()
    env.keys.start()
    await asyncio.sleep(2 * REFRESH_SECONDS + 1)
    assert pauses(env) == pytest.approx([REFRESH_SECONDS] * 2, abs=0.01)


@in_virtual_time
async def test_jitter_makes_refreshes_earlier() -> None:
    env = make_env(chance=iter([0.5, 0.25, 0.0]).__next__)
    env.keys.start()
    await asyncio.sleep(2 * REFRESH_SECONDS)
    sooner = [REFRESH_SECONDS * (1 - JITTER * chance) for chance in (0.5, 0.25)]
    assert pauses(env) == pytest.approx(sooner, abs=0.01)


@in_virtual_time
async def test_withdrawn_keys_are_no_longer_found() -> None:
    env = await make_warm_env("one", "two")
    env.source.publish("two")
    await asyncio.sleep(REFRESH_SECONDS)
    assert await env.keys.find("one") is None
    assert found_at_once(env, "two")


@in_virtual_time
async def test_concurrent_requests_share_one_fetch() -> None:
    env = make_env()
    keys = await asyncio.gather(*(env.keys.find("one") for _ in range(100)))
    assert len(set(map(id, keys))) == 1
    assert len(env.source.asked_at) == 1


@in_virtual_time
async def test_at_most_a_quarter_of_the_places_waits_for_issuers() -> None:
    waiting = Waiting(40)
    one, other = make_env(waiting=waiting), make_env(waiting=waiting)
    one.source.hangs = other.source.hangs = True
    asked = [asyncio.ensure_future(one.keys.find("x")) for _ in range(10)]
    await asyncio.sleep(0.1)
    began = one.clock.boot()
    for env in (one, other):
        with pytest.raises(Overloaded):
            await env.keys.find("x")
    assert one.clock.boot() - began < 0.1
    assert not any(each.done() for each in asked)
    await asyncio.gather(*asked, return_exceptions=True)
    other.source.hangs = False
    assert await other.keys.find("one") is not None


@in_virtual_time
async def test_unknown_keys_do_not_wait_between_attempts() -> None:
    env = await make_warm_env()
    await env.keys.find("forged")
    now = env.clock.boot()
    assert await env.keys.find("forged") is None
    assert env.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_a_cancelled_request_stops_no_fetch() -> None:
    env = make_env()
    impatient = asyncio.ensure_future(env.keys.find("one"))
    patient = asyncio.ensure_future(env.keys.find("one"))
    await asyncio.sleep(0.05)
    impatient.cancel()
    assert await patient is not None
    assert impatient.cancelled()
    assert len(env.source.asked_at) == 1


@in_virtual_time
async def test_keys_age_during_a_suspend() -> None:
    env = await make_warm_env()
    env.clock.suspend(STALE_SECONDS)
    assert not env.keys.knows("one")


@in_virtual_time
async def test_a_refresh_due_after_a_suspend_happens_soon() -> None:
    env = await make_warm_env()
    env.clock.suspend(REFRESH_SECONDS)
    await asyncio.sleep(30)
    assert len(env.source.asked_at) == 2


@in_virtual_time
async def test_only_changed_keys_increase_the_generation() -> None:
    env = make_env("one", "two")
    assert env.keys.generation == 0
    env.keys.start()
    await asyncio.sleep(1)
    assert env.keys.generation == 1
    env.source.publish("two", "one")
    await asyncio.sleep(REFRESH_SECONDS)
    assert env.keys.generation == 1
    env.source.publish("one")
    await asyncio.sleep(REFRESH_SECONDS)
    assert env.keys.generation == 2
    env.source.document = jwks(jwk(ed_key("two"), "one"))
    await asyncio.sleep(2 * STALE_SECONDS)  # refreshed keys never become stale
    assert env.keys.generation == 3
    assert found_at_once(env)


@in_virtual_time
async def test_dropping_stale_keys_increases_the_generation() -> None:
    env = await make_warm_env()
    env.source.fault = DOWN
    await asyncio.sleep(STALE_SECONDS + 1)
    assert env.keys.generation == 2


@in_virtual_time
async def test_stop_leaves_no_task_and_no_waiting_request() -> None:
    env = make_env()
    env.source.hangs = True
    env.keys.start()
    waiting = asyncio.ensure_future(env.refusal())
    await asyncio.sleep(1)
    now = env.clock.boot()
    await env.keys.stop()
    await waiting
    assert env.clock.boot() - now < AT_ONCE
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_stop_works_without_start() -> None:
    env = make_env()
    await env.keys.stop()
    assert not env.source.asked_at
