"""Which sessions the pool refreshes, and which it drops."""

import asyncio

from service.sessions.pool import MAX_SESSIONS
from tests.sessions.env import AT_ONCE, BILLING, DUE_AT, make_env, owned, refusal
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_unused_sessions_are_dropped_instead_of_refreshed() -> None:
    env = make_env()
    await env.pool.ready(BILLING)
    await asyncio.sleep(DUE_AT + 1)
    assert env.source.asked == [BILLING.owner] * 2  # used when it arrived, so refreshed once
    await asyncio.sleep(DUE_AT + 1)
    assert env.pool.current(BILLING) is None
    await asyncio.sleep(24 * 3600)
    assert env.source.asked == [BILLING.owner] * 2
    assert await env.pool.ready(BILLING) is env.pool.current(BILLING)


@in_virtual_time
async def test_occasionally_used_sessions_are_refreshed() -> None:
    env = make_env()
    await env.pool.ready(BILLING)
    for _ in range(100):
        await asyncio.sleep(600)
        assert env.pool.current(BILLING) is not None


@in_virtual_time
async def test_used_sessions_stay_until_they_expire_without_sts() -> None:
    env = make_env(length=43_200)
    signing = await env.pool.ready(BILLING)
    await asyncio.sleep(10_000)
    assert env.pool.current(BILLING) is signing
    env.source.fault = OSError("no route")
    await asyncio.sleep(32_900)  # five minutes before its end, long after it was due
    assert len(env.source.asked) > 1
    assert env.pool.current(BILLING) is signing


@in_virtual_time
async def test_own_sessions_are_refreshed_though_unused() -> None:
    env = make_env()
    env.pool.start()
    await asyncio.sleep(24 * 3600)
    assert env.pool.is_alive("reports")


@in_virtual_time
async def test_attempts_end_for_absent_callers_without_session() -> None:
    env = make_env()
    env.source.fault = OSError("access denied")
    await refusal(env, BILLING)
    await asyncio.sleep(24 * 3600)
    asked = len(env.source.asked)
    await asyncio.sleep(24 * 3600)
    assert len(env.source.asked) == asked


@in_virtual_time
async def test_attempts_end_for_absent_callers_whose_refresh_fails() -> None:
    env = make_env()
    await env.pool.ready(BILLING)
    env.source.fault = OSError("access denied")
    await asyncio.sleep(24 * 3600)
    asked = len(env.source.asked)
    await asyncio.sleep(24 * 3600)
    assert len(env.source.asked) == asked


@in_virtual_time
async def test_the_longest_unused_session_makes_room() -> None:
    env = make_env(delay=0)
    env.pool.start()
    await asyncio.sleep(1)
    for number in range(MAX_SESSIONS - 1):
        await env.pool.ready(owned(number))
    await asyncio.sleep(1)
    assert env.pool.current(owned(0)) is not None  # used just now
    await env.pool.ready(owned(MAX_SESSIONS))
    assert env.pool.current(owned(1)) is None
    assert env.pool.current(owned(0)) is not None
    assert env.pool.current(owned(2)) is not None
    assert env.pool.is_alive("reports")  # unused for longest, but the bucket's own
    await asyncio.sleep(1)
    assert len(asyncio.all_tasks()) == MAX_SESSIONS + 1  # and the test
    await env.pool.stop()


@in_virtual_time
async def test_requests_for_a_dropped_session_are_refused_at_once() -> None:
    env = make_env(delay=1)
    first = asyncio.ensure_future(refusal(env, owned(0)))
    await asyncio.sleep(0.5)
    others = [
        asyncio.ensure_future(env.pool.ready(owned(number + 1))) for number in range(MAX_SESSIONS)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    begun = env.clock.boot()
    assert (await first).retry_after is not None
    assert env.clock.boot() - begun < AT_ONCE
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await env.pool.stop()
