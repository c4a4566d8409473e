"""A pool that stops."""

import asyncio

from tests.sessions.house import AT_ONCE, BILLING, OWN, a_house, refusal
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_a_pool_that_stops_leaves_no_task_behind() -> None:
    house = a_house("photos", delay=1)
    house.pool.start()
    waiting = asyncio.ensure_future(refusal(house, BILLING))
    await asyncio.sleep(0.5)  # one fetches, none has come
    await house.pool.stop()
    await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert house.pool.current(OWN) is None


@in_virtual_time
async def test_whoever_waits_when_the_pool_stops_is_refused_at_once() -> None:
    house = a_house(delay=1)
    waiting = asyncio.ensure_future(refusal(house))
    await asyncio.sleep(0.5)
    begun = house.clock.boot()
    await house.pool.stop()
    await waiting
    assert house.clock.boot() - begun < AT_ONCE
