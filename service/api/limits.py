"""Limits that stop one caller from taking what all share.

The gateway never limits health and metrics: a full service must not be restarted for being full.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from service.access.callers import Rate
from service.api.body import MAX_BODY_BYTES
from service.api.request_state import CallerId
from service.errors import Overloaded, RateLimited

_RETRY_AFTER: Final = 1  # seconds
BATCH_SLOTS: Final = 4
MAX_REFUSAL_SECONDS: Final = 10.0
_MIN_SHARE: Final = 0.75  # of the refused batch: a smaller one may pass, so it is read
_MAX_CALLERS: Final = 4096


class ConcurrencyLimiter:
    """Slots that callers share. One caller has at most as many as it leaves free.

    So one caller alone gets half of them, and a second one still gets a quarter.
    """

    def __init__(self, limit: int, full: str = "Too many requests are in progress.") -> None:
        """`full` is the detail of the error if there is no slot."""
        self._free = limit
        self._full = full
        self._held: dict[CallerId, int] = {}

    def acquire(self, caller_id: CallerId | None = None) -> None:
        """Take a slot. Without `caller_id`, `assign` gives it to a caller later.

        Raises Overloaded if none is free, or if the caller has too many.
        """
        free = self._free
        if free <= 0:
            raise Overloaded(self._full, retry_after=_RETRY_AFTER)
        if caller_id is not None:
            held = self._held.get(caller_id, 0)
            if held >= free:
                raise _too_many()
            self._held[caller_id] = held + 1
        self._free = free - 1

    def assign(self, caller_id: CallerId) -> None:
        """Give a slot that was taken to a caller. Raises Overloaded if the caller has too many."""
        held = self._held.get(caller_id, 0)
        if held > self._free:
            raise _too_many()
        self._held[caller_id] = held + 1

    def release(self, caller_id: CallerId | None = None) -> None:
        self._free += 1
        if caller_id is None:
            return
        held = self._held[caller_id] - 1
        if held:
            self._held[caller_id] = held
        else:
            del self._held[caller_id]


def _too_many() -> Overloaded:
    return Overloaded("You have too many requests in progress.", retry_after=_RETRY_AFTER)


class BatchQueue:
    """Limits how many batches run at a time, so that single requests are answered in between.

    A batch of 1,000 may take 70 ms and 20 MB. It holds a slot from the parsing of its body until
    its answer is rendered, except while it waits for a session. Callers that wait take turns; one
    caller's batches run in the order in which they came.
    """

    def __init__(self, waiting: ConcurrencyLimiter, *, slots: int = BATCH_SLOTS) -> None:
        """`waiting` limits how many batches wait for a slot."""
        self._limiter = waiting
        self._free = slots
        self._waiting: dict[CallerId, deque[asyncio.Future[None]]] = {}  # the next caller first

    async def acquire(self, caller_id: CallerId) -> bool:
        """Take a slot. Returns whether that took time. Raises Overloaded if too many wait."""
        if self._free:
            self._free -= 1
            return False
        self._limiter.acquire(caller_id)
        try:
            await self._wait(caller_id)
        finally:
            self._limiter.release(caller_id)
        return True

    async def acquire_again(self, caller_id: CallerId) -> None:
        """Take a slot for a batch that had one before. Never refuses."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(caller_id)

    def release(self) -> None:
        """Hand the slot to the next caller."""
        while self._waiting:
            caller_id = next(iter(self._waiting))
            queue = self._waiting.pop(caller_id)
            turn = queue.popleft()
            if queue:
                self._waiting[caller_id] = queue  # behind the other callers
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                return
        self._free += 1

    async def _wait(self, caller_id: CallerId) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller_id, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # the slot had been handed over already
            raise


class BatchSlot:
    """A context manager: waits for a slot and holds it."""

    def __init__(self, queue: BatchQueue, caller_id: CallerId) -> None:
        self._queue = queue
        self._caller_id = caller_id
        self._is_held = False
        self.has_waited = False

    async def __aenter__(self) -> Self:
        self.has_waited = await self._queue.acquire(self._caller_id)
        self._is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Let others have the slot for the duration of the `async with`."""
        self._release()
        yield
        await self._queue.acquire_again(self._caller_id)
        self._is_held = True

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._queue.release()


class _Refused(NamedTuple):
    rate: Rate
    until: float
    min_length: float  # bytes: shorter bodies are read


class RecentlyRefused:
    """Refuses callers over their rate before their next body is read.

    So a refusal is remembered until its `Retry-After` has passed, but not for long. Else each
    refused batch of 1,000 is parsed, only to count its items. In tests/server/test_abuse.py such a
    batch takes 0.5 to 0.8 ms of CPU, and 5.0 to 6.2 without this class. While 200 connections send
    them, ordinary callers get 680 to 760 answers in 6 s, and 64 to 68 without it.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is in seconds."""
        self._now = now
        self._refused: dict[CallerId, _Refused] = {}

    def add(self, caller_id: CallerId, rate: Rate, error: RateLimited, *, length: int) -> None:
        """Remember that a request with a body of `length` bytes was refused.

        If one URL is too many, every request is. If several are too many, fewer may pass.
        """
        is_cheap_to_read = error.urls > 1 and length <= MAX_BODY_BYTES
        if not error.urls or is_cheap_to_read:
            return
        until = self._now() + min(error.retry_after or 0, MAX_REFUSAL_SECONDS)
        if len(self._refused) >= _MAX_CALLERS and caller_id not in self._refused:
            del self._refused[next(iter(self._refused))]
        self._refused[caller_id] = _Refused(
            rate, until, length * _MIN_SHARE if error.urls > 1 else 0
        )

    def refusal_for(
        self, caller_id: CallerId, rate: Rate | None, length: int
    ) -> RateLimited | None:
        """Return the refusal if a body of `length` bytes need not be read."""
        found = self._refused.get(caller_id)
        if found is None:
            return None
        left = found.until - self._now()
        if left <= 0 or found.rate != rate:
            del self._refused[caller_id]
        elif length >= found.min_length:
            detail = f"At most {found.rate.urls} URLs in {found.rate.seconds} s are allowed."
            return RateLimited(detail, retry_after=math.ceil(left))
        return None

    def knows(self, caller_id: CallerId) -> bool:
        return caller_id in self._refused


@dataclass(frozen=True, slots=True)
class SharedLimits:
    """All limits of a running service."""

    requests: ConcurrencyLimiter  # in progress
    bodies: ConcurrencyLimiter  # requests whose body is being received
    batches: BatchQueue
    refused: RecentlyRefused


def shared_limits(max_in_flight: int, now: Callable[[], float]) -> SharedLimits:
    """Return the limits that `max_in_flight` requests imply. `now` is in seconds."""
    return SharedLimits(
        requests=ConcurrencyLimiter(max_in_flight),
        bodies=ConcurrencyLimiter(
            max(1, max_in_flight // 2), "Too many request bodies are being received."
        ),
        batches=BatchQueue(
            ConcurrencyLimiter(max(1, max_in_flight // 4), "Too many batches are waiting.")
        ),
        refused=RecentlyRefused(now),
    )
