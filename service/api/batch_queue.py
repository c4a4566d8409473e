"""Batches wait in line: a few are worked on at a time, so that single requests are answered in between.

A batch of 1,000 may take 70 ms and 20 MB. It has its turn from when its body is parsed until its answer
is rendered, less the time in which it waits for a session.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

from service.api.concurrency import ConcurrencyLimiter, Owner

AT_WORK: Final = 4


class BatchQueue:
    """Who comes first is served first; callers that wait take turns."""

    def __init__(self, waiting: ConcurrencyLimiter, *, at_work: int = AT_WORK) -> None:
        """`waiting` are the places of those that wait."""
        self._places = waiting
        self._free = at_work
        self._waiting: dict[Owner, deque[asyncio.Future[None]]] = {}  # the next caller first

    def turn(self, owner: Owner) -> "Turn":
        return Turn(self, owner)

    async def join(self, owner: Owner) -> bool:
        """Wait for a turn; whether that took time. Raises Overloaded if too many wait."""
        if self._free:
            self._free -= 1
            return False
        self._places.acquire(owner)
        try:
            await self._wait(owner)
        finally:
            self._places.release(owner)
        return True

    async def join_again(self, owner: Owner) -> None:
        """As `join`, and never refused: for one that has had a turn."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(owner)

    def release(self) -> None:
        """The end of a turn: the next one begins."""
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
                self.release()
            raise


class Turn:
    def __init__(self, line: BatchQueue, owner: Owner) -> None:
        self._line = line
        self._owner = owner
        self._is_held = False
        self.has_waited = False

    async def __aenter__(self) -> Self:
        self.has_waited = await self._line.join(self._owner)
        self._is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Others have the turn meanwhile."""
        self._leave()
        yield
        await self._line.join_again(self._owner)
        self._is_held = True

    def _leave(self) -> None:
        if self._is_held:
            self._is_held = False
            self._line.release()
