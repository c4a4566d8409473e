"""A poller of a queue, until a block ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.protocols.arrivals.poller import Poller, Work
from service.protocols.arrivals.queue import Message
from tests.protocols.arrivals.doubles import FakeQueue


class Failures:
    count = 0

    def __call__(self) -> None:
        self.count += 1


@asynccontextmanager
async def polling(
    queue: FakeQueue, work: Work, *, slots: int = 100, failures: Failures | None = None
) -> AsyncIterator[Poller]:
    poller = Poller(
        queue,
        work,
        slots=lambda: slots,
        jitter=lambda: 0.999,
        on_failure=failures or Failures(),
    )
    poller.start()
    try:
        yield poller
    finally:
        await poller.stop()


async def accept(_: Message) -> bool:
    return True
