"""Which sessions are kept, and which are let go."""

import asyncio

from service.sessions.pool import MAX_SESSIONS
from tests.sessions.house import AT_ONCE, BILLING, DUE_AT, a_house, owned, refusal
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_a_session_that_nobody_used_since_it_came_is_let_go_when_it_is_due() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    await asyncio.sleep(DUE_AT + 1)
    assert house.source.asked == [BILLING.owner] * 2  # used as it came, so renewed once
    await asyncio.sleep(DUE_AT + 1)
    assert house.pool.current(BILLING) is None
    await asyncio.sleep(24 * 3600)
    assert house.source.asked == [BILLING.owner] * 2


@in_virtual_time
async def test_a_session_that_is_used_now_and_then_is_kept() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    for _ in range(100):
        await asyncio.sleep(600)
        assert house.pool.current(BILLING) is not None


@in_virtual_time
async def test_a_session_that_was_used_is_kept_to_its_end_though_sts_fails() -> None:
    house = a_house(length=43_200)
    signing = await house.pool.ready(BILLING)
    await asyncio.sleep(10_000)
    assert house.pool.current(BILLING) is signing
    house.source.fault = OSError("no route")
    await asyncio.sleep(32_900)  # five minutes before its end, and long after it was due
    assert len(house.source.asked) > 1
    assert house.pool.current(BILLING) is signing


@in_virtual_time
async def test_a_buckets_own_session_is_kept_though_nobody_uses_it() -> None:
    house = a_house()
    house.pool.start()
    await asyncio.sleep(24 * 3600)
    assert house.pool.is_alive("reports")


@in_virtual_time
async def test_a_caller_let_go_is_served_anew() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    await asyncio.sleep(24 * 3600)
    assert await house.pool.ready(BILLING) is house.pool.current(BILLING)


@in_virtual_time
async def test_a_caller_whose_first_session_never_comes_is_given_up() -> None:
    house = a_house()
    house.source.fault = OSError("access denied")
    await refusal(house, BILLING)
    await asyncio.sleep(24 * 3600)
    asked = len(house.source.asked)
    await asyncio.sleep(24 * 3600)
    assert len(house.source.asked) == asked


@in_virtual_time
async def test_a_caller_gone_while_its_session_cannot_be_renewed_is_given_up() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    house.source.fault = OSError("access denied")
    await asyncio.sleep(24 * 3600)
    asked = len(house.source.asked)
    await asyncio.sleep(24 * 3600)
    assert len(house.source.asked) == asked


@in_virtual_time
async def test_where_there_is_no_room_the_longest_idle_is_let_go() -> None:
    house = a_house(delay=0)
    house.pool.start()
    await asyncio.sleep(1)
    for number in range(MAX_SESSIONS - 1):
        await house.pool.ready(owned(number))
    await asyncio.sleep(1)
    assert house.pool.current(owned(0)) is not None  # used just now
    await house.pool.ready(owned(MAX_SESSIONS))
    assert house.pool.current(owned(1)) is None
    assert house.pool.current(owned(0)) is not None
    assert house.pool.current(owned(2)) is not None
    assert house.pool.is_alive("reports")  # idle for longest, but the bucket's own
    await asyncio.sleep(1)
    assert len(asyncio.all_tasks()) == MAX_SESSIONS + 1  # and the test's own
    await house.pool.stop()


@in_virtual_time
async def test_whoever_waits_for_a_session_that_is_let_go_is_refused_at_once() -> None:
    house = a_house(delay=1)
    first = asyncio.ensure_future(refusal(house, owned(0)))
    await asyncio.sleep(0.5)
    others = [
        asyncio.ensure_future(house.pool.ready(owned(number + 1))) for number in range(MAX_SESSIONS)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    begun = house.clock.boot()
    assert (await first).retry_after is not None
    assert house.clock.boot() - begun < AT_ONCE
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await house.pool.stop()
