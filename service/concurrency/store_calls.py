"""Calls to a store that replicas share, such as a Redis, on the way of a request.

Rules of this file:
- Few calls run at a time, each has a deadline, and after a failure there are none for a while.
- Only the store's own failures count as failures. Its time starts when the call gets a slot, and
  passes only while our event loop is punctual: a busy loop reads a fast answer late. To count
  failures in a row would not do: one busy moment fails all the calls that are running.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from service.concurrency.causes import class_names

log = logging.getLogger(__name__)

T = TypeVar("T")

SLOT_WAIT_SECONDS: Final = 0.5  # for a slot
PAUSE_SECONDS: Final = 5.0  # without calls, after the store failed
MAX_CALLS: Final = 16  # at a time: a burst must not open one connection per request
_SLICES: Final = 5  # of the waiting time; twice the length of one shows that the loop is late


class StoreFails(Exception):
    """The store cannot be reached, returns an error, or does not answer in time."""


class Unanswered(Exception):
    """No answer was read in time, but our own loop was late, so the store may be healthy."""


class NoSlot(Exception):
    """Too many calls are running, and none of them ended in time."""


class StoreCalls:
    def __init__(self, name: str, *, now: Callable[[], float], seconds: float) -> None:
        """`name` is for the log. `now` returns seconds. A call may take `seconds`."""
        self._name = name
        self._now = now
        self._seconds = seconds
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self._calls = set[asyncio.Task[Any]]()
        self._paused_until = -math.inf

    async def result_of(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of `work`, which calls the store.

        Raises StoreFails, Unanswered or NoSlot.
        """
        self._refuse_while_paused()
        await self._acquire_slot()
        try:
            self._refuse_while_paused()  # the store may have failed meanwhile
        except StoreFails:
            self._slots.release()
            raise
        call = asyncio.create_task(work())
        self._calls.add(call)
        call.add_done_callback(self._ended)
        try:
            punctual = await _in_time(call, self._seconds)
            return self._answer(call, punctual=punctual)
        finally:
            call.cancel()

    async def close(self) -> None:
        """Cancel all calls, and wait for their end."""
        for call in self._calls:
            call.cancel()
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._seconds)

    def _refuse_while_paused(self) -> None:
        if self._now() < self._paused_until:
            raise StoreFails

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
            raise NoSlot

    def _answer(self, call: asyncio.Task[T], *, punctual: bool) -> T:
        error: BaseException = TimeoutError()
        if call.done() and not call.cancelled():
            if (raised := call.exception()) is None:
                return call.result()
            error = raised
        # The Redis client's own TimeoutError is no subclass of Python's.
        if type(error).__name__ == "TimeoutError" and not punctual:
            raise Unanswered
        self._pause(error)
        raise StoreFails

    def _ended(self, call: asyncio.Task[Any]) -> None:
        """Free the slot when the call ends, not when its request stops waiting."""
        self._slots.release()
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # retrieved, or asyncio would log it

    def _pause(self, error: BaseException) -> None:
        if self._now() >= self._paused_until:  # log it once
            # The error's message may hold the store's address and what it was sent.
            message = "the %s fails; it is called again in %.0f s: %s"
            log.warning(message, self._name, PAUSE_SECONDS, class_names(error))
        self._paused_until = self._now() + PAUSE_SECONDS


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
