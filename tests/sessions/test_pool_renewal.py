"""When sessions are refreshed, by what, and on whose request."""

import asyncio

from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from tests.support.pool import LONGEST_LIFETIME, OWN, REFRESH_AGE, make_pool_harness
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_cold_callers_get_no_expired_session() -> None:
    harness = make_pool_harness()
    harness.source.actual_seconds = EXPIRY_MARGIN
    assert (await harness.refusal()).retry_after == 1
    assert harness.pool.current(OWN) is None


@in_virtual_time
async def test_a_used_session_covers_the_longest_lifetime_all_day() -> None:
    harness = make_pool_harness(jitter=lambda: 0.5)
    harness.pool.start()
    await asyncio.sleep(1)
    for _ in range(24 * 60):
        await asyncio.sleep(60)
        signing = harness.pool.current(OWN)
        assert signing is not None
        assert signing.session.remaining(harness.clock) >= LONGEST_LIFETIME
    assert len(harness.source.fetched) <= 24 * 3600 / (REFRESH_AGE - 60) + 1


@in_virtual_time
async def test_refreshes_follow_the_granted_length() -> None:
    harness = make_pool_harness(length=3600)
    harness.source.actual_seconds = 900
    harness.pool.start()
    await asyncio.sleep(299)
    assert len(harness.source.fetched) == 1
    await asyncio.sleep(10)
    assert len(harness.source.fetched) == 2


@in_virtual_time
async def test_a_session_that_expired_during_a_suspend_is_replaced() -> None:
    harness = make_pool_harness()
    first = await harness.pool.ready(OWN)
    harness.clock.suspend(4000)
    assert harness.pool.current(OWN) is None
    assert await harness.pool.ready(OWN) is not first


@in_virtual_time
async def test_a_session_due_after_a_suspend_is_refreshed_soon() -> None:
    harness = make_pool_harness()
    await harness.pool.ready(OWN)
    harness.clock.suspend(3500)
    await asyncio.sleep(60)
    assert len(harness.source.fetched) == 2


@in_virtual_time
async def test_a_refresh_can_be_requested_for_a_good_session() -> None:
    harness = make_pool_harness()
    first = await harness.pool.ready(OWN)
    await asyncio.sleep(MIN_REFRESH_AGE + 1)
    assert harness.pool.request_refresh(OWN) == 1
    await asyncio.sleep(1)
    assert harness.pool.current(OWN) is not first
    assert len(harness.source.fetched) == 2


@in_virtual_time
async def test_young_sessions_are_not_refreshed_on_request() -> None:
    harness = make_pool_harness(delay=0)
    await harness.pool.ready(OWN)
    for age in range(29):
        assert harness.pool.request_refresh(OWN) == MIN_REFRESH_AGE - age
        await asyncio.sleep(1)
    assert len(harness.source.fetched) == 1


@in_virtual_time
async def test_requested_refreshes_wait_for_the_backoff() -> None:
    harness = make_pool_harness(jitter=lambda: 0.5, delay=0)
    await harness.pool.ready(OWN)
    harness.source.error = OSError("no route")
    await asyncio.sleep(REFRESH_AGE)  # due 24 s before by jitter; the sixth attempt is next
    asked = len(harness.source.fetched)
    wait = harness.pool.request_refresh(OWN)
    await asyncio.sleep(wait - 1)
    assert len(harness.source.fetched) == asked
    await asyncio.sleep(1)
    assert len(harness.source.fetched) == asked + 1
