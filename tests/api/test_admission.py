"""The limits that callers share: requests in progress, batches, and refusals by rate."""

import asyncio
from itertools import count
from typing import Final

import pytest

from service.access.callers import Rate
from service.api.limits import (
    MAX_REFUSAL_SECONDS,
    BatchQueue,
    BatchSlot,
    ConcurrencyLimiter,
    RecentlyRefused,
    SharedLimits,
)
from service.api.request_state import CallerId
from service.app.factory import create_app
from service.errors import Overloaded, RateLimited
from tests.support.app import make_app_settings, make_open_grant

ALICE: Final = (None, "alice")
BOB: Final = ("cluster-a", "bob")
RATE: Final = Rate(10, 60)
LONG: Final = 1_000_000


def taken(limiter: ConcurrencyLimiter, caller_id: CallerId) -> int:
    """How many places a caller gets until it is refused."""
    for number in count():
        try:
            limiter.acquire(caller_id)
        except Overloaded:
            return number
    raise AssertionError


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (2, 1), (3, 2), (200, 100), (512, 256)])
def test_one_caller_gets_half_of_the_places(limit: int, most: int) -> None:
    assert taken(ConcurrencyLimiter(limit), ALICE) == most


def test_other_callers_get_places_beside_a_greedy_one() -> None:
    limiter = ConcurrencyLimiter(200)
    assert taken(limiter, ALICE) == 100
    assert taken(limiter, BOB) == 50
    assert [taken(limiter, (None, str(number))) for number in range(3)] == [25, 13, 6]


def test_a_place_without_a_caller_counts_against_the_limit() -> None:
    limiter = ConcurrencyLimiter(2)
    limiter.acquire()
    limiter.acquire()
    with pytest.raises(Overloaded):
        limiter.acquire()
    limiter.release()
    limiter.acquire()


def test_a_refused_caller_leaves_its_place_to_others() -> None:
    limiter = ConcurrencyLimiter(4)
    for _ in range(2):
        limiter.acquire()
        limiter.assign(ALICE)
    limiter.acquire()
    with pytest.raises(Overloaded):
        limiter.assign(ALICE)
    limiter.release()
    for _ in range(2):
        limiter.release(ALICE)
    assert taken(limiter, ALICE) == 2


def test_the_bounds_are_shares_of_max_in_flight() -> None:
    app = create_app(make_app_settings(make_open_grant(), server={"max_in_flight": 200}), {})
    limits: SharedLimits = app.parts.limits
    assert limits.requests._free == 200
    assert limits.bodies._free == 100
    assert limits.batches._limiter._free == 50


async def test_few_batches_run_at_a_time_and_callers_take_turns() -> None:
    queue, order = BatchQueue(ConcurrencyLimiter(40), slots=1), list[str]()

    async def batch(caller_id: CallerId) -> None:
        async with BatchSlot(queue, caller_id):
            order.append(caller_id[1])
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for caller_id in (ALICE, ALICE, ALICE, ALICE, BOB, BOB):
            tasks.create_task(batch(caller_id))
    assert order == ["alice", "alice", "bob", "alice", "bob", "alice"]


async def test_a_full_batch_queue_refuses() -> None:
    queue, end = BatchQueue(ConcurrencyLimiter(4), slots=1), asyncio.Event()

    async def batch() -> None:
        async with BatchSlot(queue, ALICE):
            await end.wait()

    batches = [asyncio.create_task(batch()) for _ in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    end.set()
    results = await asyncio.gather(*batches, return_exceptions=True)
    assert [type(each) for each in results] == [type(None)] * 3 + [Overloaded]


async def test_a_batch_releases_its_slot_while_waiting_for_a_session() -> None:
    queue, session = BatchQueue(ConcurrencyLimiter(4), slots=1), asyncio.Event()
    order: list[str] = []

    async def cold() -> None:
        async with BatchSlot(queue, ALICE) as slot:
            async with slot.released():
                await session.wait()
            order.append("alice")

    async def warm() -> None:
        async with BatchSlot(queue, BOB):
            order.append("bob")

    waiting = asyncio.create_task(cold())
    await asyncio.sleep(0)
    await warm()
    session.set()
    await waiting
    await warm()
    assert order == ["bob", "alice", "bob"]


@pytest.mark.parametrize("handed_over", [False, True])
async def test_a_cancelled_batch_leaves_the_queue(handed_over: bool) -> None:
    queue = BatchQueue(ConcurrencyLimiter(4), slots=1)

    async def batch() -> None:
        async with BatchSlot(queue, ALICE):
            pass

    await queue.acquire(BOB)
    waiting = asyncio.create_task(batch())
    await asyncio.sleep(0)
    if handed_over:
        queue.release()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    if not handed_over:
        queue.release()
    await asyncio.wait_for(batch(), 1)


class Refused(RecentlyRefused):
    """With a clock that tests set, and an caller_id that was refused for `seconds`."""

    def __init__(self, seconds: int = 60, *, length: int = 100, urls: int = 1) -> None:
        super().__init__(lambda: self.now)
        self.now = 0.0
        self.refuse(ALICE, seconds, length=length, urls=urls)

    def refuse(self, caller_id: CallerId, seconds: int = 60, *, length: int, urls: int = 1) -> None:
        error = RateLimited("Too many.", retry_after=seconds, urls=urls)
        self.add(caller_id, RATE, error, length=length)

    def refuses(self, length: int, caller_id: CallerId = ALICE, rate: Rate = RATE) -> bool:
        return self.refusal_for(caller_id, rate, length) is not None


def test_a_refused_caller_is_refused_until_retry_after() -> None:
    refused = Refused(3)
    assert refused.refuses(0)
    assert not refused.refuses(0, BOB)
    refused.now = 2.9
    assert refused.refuses(LONG)
    refused.now = 3.0
    assert not refused.refuses(0)


def test_a_caller_is_refused_unread_for_ten_seconds_at_most() -> None:
    refused = Refused(3600)
    refused.now = MAX_REFUSAL_SECONDS
    assert not refused.refuses(0)


def test_a_refused_batch_refuses_only_batches_as_long() -> None:
    refused = Refused(length=LONG, urls=2)
    assert [refused.refuses(length) for length in (LONG, LONG // 2, 0)] == [True, False, False]


def test_a_short_batch_is_always_read() -> None:
    assert not Refused(length=64 * 1024, urls=2).refuses(LONG)


def test_a_refusal_that_counted_nothing_is_not_remembered() -> None:
    assert not Refused(urls=0).refuses(0)


def test_a_changed_rate_applies_at_once() -> None:
    assert not Refused().refuses(0, rate=Rate(20, 60))


def test_few_refused_callers_are_remembered() -> None:
    refused = Refused()
    for number in range(5000):
        refused.refuse((None, str(number)), length=1)
    assert sum(refused.knows((None, str(number))) for number in range(5000)) == 4096
