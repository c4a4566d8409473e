"""Rate limits: how many URLs each caller gets, counted in memory or in a store that replicas share.

Rules of this file:
- An unavailable store costs neither time nor the limits: it is not called for a while, and each
  replica counts in memory.
- Only the store's own failures count as failures. Its time starts when the call gets a slot, and
  passes only while our event loop is punctual: a busy loop reads a fast answer late.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Final, Protocol

from service.access.callers import Rate
from service.access.grants import Caller
from service.clock import Clock
from service.errors import RateLimited
from service.presigning.rate_windows import Windows

log = logging.getLogger(__name__)

STORE_SECONDS: Final = 0.25  # for the store's answer
SLOT_WAIT_SECONDS: Final = 0.5  # for a slot
PAUSE_SECONDS: Final = 5.0  # without calls, after the store failed
MAX_CALLS: Final = 16  # at a time: a burst must not open one connection per request
_SLICES: Final = (
    5  # of the waiting time; one that takes twice its length shows that the loop is late
)


class RateStore(Protocol):
    async def take(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """Count `urls` and return None if they are within the rate; else return the seconds to
        wait.
        """

    async def close(self) -> None: ...


class _StoreFails(Exception):
    """The store cannot be reached, returns an error, or does not answer in time."""


class _Unanswered(Exception):
    """No answer was read in time, but our own loop was late, so the store may be healthy."""


class RateLimits:
    def __init__(
        self,
        store: RateStore | None,
        *,
        clock: Clock,
        on_failure: Callable[[], None],
        store_seconds: float = STORE_SECONDS,
    ) -> None:
        """Without `store`, counts in memory.

        `on_failure` is called for each request that is counted in memory because the store fails.
        """
        self._store = None if store is None else _Calls(store, clock, store_seconds)
        self._windows = Windows(clock.boot)
        self._on_failure = on_failure

    def counted(self, caller: Caller, rate: Rate, urls: int) -> bool:
        """Count `urls` in memory, if that is where rates are counted.

        Return whether they were counted.
        """
        return self._store is None and self._windows.take(caller, rate, urls)

    async def take(self, caller: Caller, rate: Rate, urls: int) -> None:
        """Count `urls` against the caller's rate.

        Raises RateLimited; then none of them is counted.
        """
        if urls > rate.urls:
            raise RateLimited(
                f"At most {rate.urls} URLs in {rate.seconds} s are allowed: ask for fewer at once.",
                retry_after=rate.seconds,
            )
        if (wait := await self._wait(caller, rate, urls)) is not None:
            raise RateLimited(
                f"At most {rate.urls} URLs in {rate.seconds} s are allowed.", retry_after=wait
            )

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()

    async def _wait(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """As `RateStore.take`."""
        if self._store is not None:
            try:
                return await self._store.take(caller, rate, urls)
            except _StoreFails:
                self._on_failure()
            except _Unanswered:
                pass
        if self._windows.take(caller, rate, urls):
            return None
        return self._windows.counted(caller, rate).wait(rate, urls)


class _Calls:
    """Calls the store: few calls at a time, each with a deadline, and none for a while after a
    failure.
    """

    def __init__(self, store: RateStore, clock: Clock, seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self._calls = set[asyncio.Task[int | None]]()
        self._paused_until = -math.inf

    async def take(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """As `RateStore.take`.

        Raises _StoreFails, _Unanswered, or RateLimited if no slot is free in time.
        """
        self._refuse_while_paused()
        await self._acquire_slot()
        try:
            self._refuse_while_paused()  # the store may have failed meanwhile
        except _StoreFails:
            self._slots.release()
            raise
        call = asyncio.create_task(self._store.take(caller, rate, urls))
        self._calls.add(call)
        call.add_done_callback(self._ended)
        try:
            punctual = await _in_time(call, self._seconds)
            return self._answer(call, punctual=punctual)
        finally:
            call.cancel()

    async def close(self) -> None:
        for call in self._calls:
            call.cancel()
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._seconds)
        await self._store.close()

    def _refuse_while_paused(self) -> None:
        if self._clock.boot() < self._paused_until:
            raise _StoreFails

    async def _acquire_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        waiting = asyncio.create_task(self._slots.acquire())
        try:
            await _in_time(waiting, SLOT_WAIT_SECONDS)
        except asyncio.CancelledError:
            if not waiting.cancel():
                self._slots.release()
            raise
        if not waiting.done():
            waiting.cancel()
            detail = "Too many requests are waiting to be counted."
            raise RateLimited(detail, retry_after=1)

    def _answer(self, call: asyncio.Task[int | None], *, punctual: bool) -> int | None:
        error: BaseException = TimeoutError()
        if call.done() and not call.cancelled():
            if (raised := call.exception()) is None:
                return call.result()
            error = raised
        # The Redis client's own TimeoutError is no subclass of Python's.
        if type(error).__name__ == "TimeoutError" and not punctual:
            raise _Unanswered
        self._pause(error)
        raise _StoreFails

    def _ended(self, call: asyncio.Task[int | None]) -> None:
        """Free the slot when the call ends, not when its request stops waiting."""
        self._slots.release()
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # retrieved, or asyncio would log it

    def _pause(self, error: BaseException) -> None:
        if self._clock.boot() >= self._paused_until:  # log it once
            # The error's message may hold the store's address and what it was sent.
            message = "the rate limit store fails; it is called again in %.0f s: %s"
            log.warning(message, PAUSE_SECONDS, type(error).__name__)
        self._paused_until = self._clock.boot() + PAUSE_SECONDS


async def _in_time(task: asyncio.Task[Any], seconds: float) -> bool:
    """Wait for the task, at most `seconds` of a punctual loop.

    Return whether the loop was punctual.
    """
    now, slice_seconds, punctual = asyncio.get_running_loop().time, seconds / _SLICES, True
    for _ in range(_SLICES):
        began = now()
        await asyncio.wait({task}, timeout=slice_seconds)
        punctual = punctual and now() - began < 2 * slice_seconds
        if task.done():
            break
    return punctual
