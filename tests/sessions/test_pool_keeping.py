"""Which sessions the pool refreshes, and which it drops."""

import asyncio

from service.sessions.pool import MAX_SESSIONS
from tests.support.pool import (
    AT_ONCE,
    BILLING,
    REFRESH_AGE,
    make_pool_harness,
    make_session_key,
)
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_unused_sessions_are_dropped_instead_of_refreshed() -> None:
    harness = make_pool_harness()
    await harness.pool.ready(BILLING)
    await asyncio.sleep(REFRESH_AGE + 1)
    assert harness.source.fetched == [BILLING.owner] * 2  # used when it arrived, so refreshed once
    await asyncio.sleep(REFRESH_AGE + 1)
    assert harness.pool.current(BILLING) is None
    await asyncio.sleep(24 * 3600)
    assert harness.source.fetched == [BILLING.owner] * 2
    assert await harness.pool.ready(BILLING) is harness.pool.current(BILLING)


@in_virtual_time
async def test_occasionally_used_sessions_are_refreshed() -> None:
    harness = make_pool_harness()
    await harness.pool.ready(BILLING)
    for _ in range(100):
        await asyncio.sleep(600)
        assert harness.pool.current(BILLING) is not None


@in_virtual_time
async def test_used_sessions_stay_until_they_expire_without_sts() -> None:
    harness = make_pool_harness(length=43_200)
    signing = await harness.pool.ready(BILLING)
    await asyncio.sleep(10_000)
    assert harness.pool.current(BILLING) is signing
    harness.source.error = OSError("no route")
    await asyncio.sleep(32_900)  # five minutes before its end, long after it was due
    assert len(harness.source.fetched) > 1
    assert harness.pool.current(BILLING) is signing


@in_virtual_time
async def test_own_sessions_are_refreshed_though_unused() -> None:
    harness = make_pool_harness()
    harness.pool.start()
    await asyncio.sleep(24 * 3600)
    assert harness.pool.is_alive("reports")


@in_virtual_time
async def test_attempts_end_for_absent_callers_whose_refresh_fails() -> None:
    harness = make_pool_harness()
    await harness.pool.ready(BILLING)
    harness.source.error = OSError("access denied")
    await asyncio.sleep(24 * 3600)
    asked = len(harness.source.fetched)
    await asyncio.sleep(24 * 3600)
    assert len(harness.source.fetched) == asked


@in_virtual_time
async def test_the_longest_unused_session_makes_room() -> None:
    harness = make_pool_harness(delay=0)
    harness.pool.start()
    await asyncio.sleep(1)
    for number in range(MAX_SESSIONS - 1):
        await harness.pool.ready(make_session_key(number))
    await asyncio.sleep(1)
    assert harness.pool.current(make_session_key(0)) is not None  # used just now
    await harness.pool.ready(make_session_key(MAX_SESSIONS))
    assert harness.pool.current(make_session_key(1)) is None
    assert harness.pool.current(make_session_key(0)) is not None
    assert harness.pool.current(make_session_key(2)) is not None
    assert harness.pool.is_alive("reports")  # unused for longest, but the bucket's own
    await asyncio.sleep(1)
    assert len(asyncio.all_tasks()) == MAX_SESSIONS + 1  # and the test
    await harness.pool.stop()


@in_virtual_time
async def test_requests_for_a_dropped_session_are_refused_at_once() -> None:
    harness = make_pool_harness(delay=1)
    first = asyncio.ensure_future(harness.refusal(make_session_key(0)))
    await asyncio.sleep(0.5)
    others = [
        asyncio.ensure_future(harness.pool.ready(make_session_key(number + 1)))
        for number in range(MAX_SESSIONS)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    begun = harness.clock.boot()
    assert (await first).retry_after is not None
    assert harness.clock.boot() - begun < AT_ONCE
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await harness.pool.stop()
