"""A caller that pushes for a hook leaves slots to other callers, and to the queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import pytest

from service.access.callers import Identity
from service.access.grants import Caller
from service.presigning.requests import Requester
from service.protocols.arrivals.hooks import Arrival, Hook
from service.protocols.arrivals.notifier import JOBS, JobSlots
from tests.protocols.arrivals.doubles import FakeHooks
from tests.protocols.arrivals.factories import make_arrival, make_hook
from tests.protocols.arrivals.test_notifying import QUICK, Notifying
from tests.support.factories import REQUESTER
from tests.support.virtual_time import in_virtual_time, loop_clock

OTHER: Final = replace(REQUESTER, identity=Identity(Caller(issuer=None, subject="other")))
HOOK: Final = make_hook("quick", url=QUICK)
EVENTS: Final[dict[Hook, list[Arrival]]] = {HOOK: [make_arrival()]}
MANY: Final[dict[Hook, list[Arrival]]] = {HOOK: [make_arrival()] * 3300}  # of one push


@asynccontextmanager
async def flooded(seconds: float, pushes: int) -> AsyncIterator[Notifying]:
    """A hook that answers after some seconds, for which one caller pushes far too much."""
    notifying = Notifying(FakeHooks(seconds={QUICK: seconds}), loop_clock())
    each = notifying.notifier.notify
    tasks = [asyncio.create_task(each(MANY, REQUESTER)) for _ in range(pushes)]
    await asyncio.sleep(3 * seconds + 1)
    yield notifying
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@in_virtual_time
@pytest.mark.parametrize("by", [OTHER, None])
@pytest.mark.parametrize("seconds", [0.1, 5.0])
async def test_what_one_caller_floods_accepts_events_of_others(
    by: Requester | None, seconds: float
) -> None:
    clock = loop_clock()
    async with flooded(seconds, JOBS) as notifying:
        began = clock.boot()
        outcomes = [await notifying.notifier.notify(EVENTS, by) for _ in range(6)]
    assert outcomes == [True] * 6
    # It waits for one answer of the flood at most, and for its own.
    assert clock.boot() - began <= 6 * 2 * seconds + 0.01


@in_virtual_time
async def test_one_caller_has_half_of_the_places() -> None:
    notify = Notifying(FakeHooks(seconds={QUICK: 5.0}), loop_clock()).notifier.notify
    await notify(EVENTS, None)  # it is slow, so that none waits
    outcomes = await asyncio.gather(*(notify(EVENTS, REQUESTER) for _ in range(JOBS)))
    assert sum(outcomes) == JOBS // 2


@in_virtual_time
async def test_pushes_take_no_place_of_a_message() -> None:
    slots = JobSlots()
    callers = [(None, str(number)) for number in range(JOBS)]
    taken = [await slots.acquire(each, is_quick=False) for each in callers]
    assert all(taken)
    assert not await slots.acquire((None, "one more"), is_quick=True)
    assert all([await slots.acquire(None, is_quick=False) for _ in range(JOBS)])
    assert not await slots.acquire(None, is_quick=False)


@in_virtual_time
async def test_a_push_waits_for_a_place_of_a_quick_hook() -> None:
    slots, caller = JobSlots(), (None, "a")
    while await slots.acquire(caller, is_quick=False):
        pass
    waiting = [asyncio.create_task(slots.acquire(caller, is_quick=True)) for _ in range(9)]
    await asyncio.sleep(0.5)
    for _ in range(4):
        slots.release(caller)
        await asyncio.sleep(0.1)
    assert sum(await asyncio.gather(*waiting)) == 4
