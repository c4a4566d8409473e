"""A long queue is received from several times at once, within the slots."""

import asyncio
from collections.abc import Sequence

import pytest

from service.protocols.arrivals.queue import (
    Message,
)
from tests.protocols.arrivals.doubles import FakeQueue
from tests.protocols.arrivals.polling import accept, polling
from tests.support.virtual_time import in_virtual_time, loop_clock


class FarQueue(FakeQueue):
    """A call takes a tenth of a second."""

    async def receive(self, most: int) -> Sequence[Message]:
        await asyncio.sleep(0.1)
        return await super().receive(most)


@in_virtual_time
async def test_a_long_queue_is_received_from_several_times_at_once() -> None:
    queue, clock = FarQueue(map(str, range(1000))), loop_clock()
    async with polling(queue, accept):
        began = clock.boot()
        await queue.is_empty.wait()
    assert clock.boot() - began < 5  # one after the other they take ten


@in_virtual_time
async def test_a_short_queue_is_polled_by_one_receiver() -> None:
    queue = FakeQueue(map(str, range(25)))
    async with polling(queue, accept):
        await asyncio.sleep(60)
        before = queue.calls.count("receive")
        await asyncio.sleep(60)
    assert queue.calls.count("receive") - before <= 4  # each takes 20 s


class LongQueue(FakeQueue):
    """Hands out each message once."""

    def __init__(self, messages: int) -> None:
        super().__init__()
        self.given, self.waiting, self.deleted = messages, messages, 0

    async def receive(self, most: int) -> Sequence[Message]:
        count = min(most, self.waiting)
        self.waiting -= count
        await asyncio.sleep(0 if count else 20)
        return [Message(body="a", receipt="a") for _ in range(count)]

    async def delete(self, receipts: Sequence[str]) -> None:
        self.deleted += len(receipts)
        if self.deleted == self.given:
            self.is_empty.set()


@pytest.mark.slow  # it takes seconds of CPU
@in_virtual_time
async def test_a_queue_of_100_000_is_worked_on_within_the_places() -> None:
    queue, most = LongQueue(100_000), 0

    async def work(_: Message) -> bool:
        nonlocal most
        most = max(most, len(poller._working))
        await asyncio.sleep(0.1)
        return True

    async with polling(queue, work, slots=138) as poller:
        await queue.is_empty.wait()
    assert (most, queue.deleted) == (138, 100_000)
