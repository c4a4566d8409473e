"""Limits how many batches run at a time, so that single requests are answered in between.

A batch of 1,000 may take 70 ms and 20 MB. It holds a slot from the parsing of its body until its
answer is rendered, except while it waits for a session.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

from service.api.concurrency import ConcurrencyLimiter, Owner

BATCH_SLOTS: Final = 4


class BatchQueue:
    """Callers that wait take turns. One caller's batches run in the order in which they came."""

    def __init__(self, waiting: ConcurrencyLimiter, *, slots: int = BATCH_SLOTS) -> None:
        """`waiting` limits how many batches wait for a slot."""
        self._limiter = waiting
        self._free = slots
        self._waiting: dict[Owner, deque[asyncio.Future[None]]] = {}  # the next caller first

    def slot(self, owner: Owner) -> "BatchSlot":
        return BatchSlot(self, owner)

    async def acquire(self, owner: Owner) -> bool:
        """Take a slot. Returns whether that took time. Raises Overloaded if too many wait."""
        if self._free:
            self._free -= 1
            return False
        self._limiter.acquire(owner)
        try:
            await self._wait(owner)
        finally:
            self._limiter.release(owner)
        return True

    async def acquire_again(self, owner: Owner) -> None:
        """Take a slot for a batch that had one before. Never refuses."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(owner)

    def release(self) -> None:
        """Hand the slot to the next caller."""
        while self._waiting:
            owner = next(iter(self._waiting))
            queue = self._waiting.pop(owner)
            turn = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # behind the other callers
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                return
        self._free += 1

    async def _wait(self, owner: Owner) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # the slot had been handed over already
            raise


class BatchSlot:
    """A context manager: waits for a slot and holds it."""

    def __init__(self, queue: BatchQueue, owner: Owner) -> None:
        self._queue = queue
        self._owner = owner
        self._is_held = False
        self.has_waited = False

    async def __aenter__(self) -> Self:
        self.has_waited = await self._queue.acquire(self._owner)
        self._is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Let others have the slot for the duration of the `async with`."""
        self._release()
        yield
        await self._queue.acquire_again(self._owner)
        self._is_held = True

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._queue.release()
