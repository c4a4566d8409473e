"""How many URLs a caller may ask for: counted in memory, or in a store that replicas share.

Rules of this file:
- A store that is away costs neither time nor the limits: it is left alone for a while, and each
  replica counts in memory.
- Only the store's own failures count as such. The time for an answer begins when the call has its
  turn, and passes only while our loop is punctual: a busy loop reads an answer late, however fast
  the store was.
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

STORE_SECONDS: Final = 0.25  # for a store's answer
SLOT_WAIT_SECONDS: Final = 0.5  # that a request waits for its turn
PAUSE_SECONDS: Final = 5.0  # that a store is left alone after it has failed
MAX_CALLS: Final = (
    16  # to a store at a time, a process: a burst must not open a connection a request
)
_SLICES: Final = 5  # in which time is measured; one that takes twice its length means a late loop


class RateStore(Protocol):
    async def take(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """None if `urls` are within the rate, and counted; else the seconds after which they can be."""

    async def close(self) -> None: ...


class _StoreFails(Exception):
    """It cannot be reached, answers with an error, or does not answer in time."""


class _Unanswered(Exception):
    """No answer was read in time, and our own loop was late: nothing is known of the store."""


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
        """As `take`, where nobody has to be asked: whether they pass, and are counted."""
        return self._store is None and self._windows.take(caller, rate, urls)

    async def take(self, caller: Caller, rate: Rate, urls: int) -> None:
        """Count `urls` against the caller's rate. Raises RateLimited, and then none is counted."""
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
    """The calls to a store: few at a time, each with a limit, and none for a while after a failure."""

    def __init__(self, store: RateStore, clock: Clock, seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self._turns = asyncio.Semaphore(MAX_CALLS)
        self._calls = set[asyncio.Task[int | None]]()
        self._paused_until = -math.inf

    async def take(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """As `RateStore.take`. Raises _StoreFails, _Unanswered, or RateLimited if no turn comes."""
        self._refuse_while_paused()
        await self._turn()
        try:
            self._refuse_while_paused()  # it may have failed while we waited
        except _StoreFails:
            self._turns.release()
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

    async def _turn(self) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        turn = asyncio.create_task(self._turns.acquire())
        try:
            await _in_time(turn, SLOT_WAIT_SECONDS)
        except asyncio.CancelledError:
            if not turn.cancel():
                self._turns.release()
            raise
        if not turn.done():
            turn.cancel()
            detail = "Too many requests wait to be counted."
            raise RateLimited(detail, retry_after=1)

    def _answer(self, call: asyncio.Task[int | None], *, punctual: bool) -> int | None:
        error: BaseException = TimeoutError()
        if call.done() and not call.cancelled():
            if (raised := call.exception()) is None:
                return call.result()
            error = raised
        # The client has a TimeoutError of its own, which is no subclass of Python's.
        if type(error).__name__ == "TimeoutError" and not punctual:
            raise _Unanswered
        self._pause(error)
        raise _StoreFails

    def _ended(self, call: asyncio.Task[int | None]) -> None:
        """The turn is over when the call is, and not when nobody waits for it any more."""
        self._turns.release()
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # looked at, or asyncio would log it

    def _pause(self, error: BaseException) -> None:
        if self._clock.boot() >= self._paused_until:  # of many who waited, one says it
            # Its words may hold the store's address, and what it was sent.
            words = "the store of the rate limits fails, again in %.0f s: %s"
            log.warning(words, PAUSE_SECONDS, type(error).__name__)
        self._paused_until = self._clock.boot() + PAUSE_SECONDS


async def _in_time(task: asyncio.Task[Any], seconds: float) -> bool:
    """Wait for the task, for `seconds` of a punctual loop. Returns whether the loop was punctual."""
    now, part, punctual = asyncio.get_running_loop().time, seconds / _SLICES, True
    for _ in range(_SLICES):
        began = now()
        await asyncio.wait({task}, timeout=part)
        punctual = punctual and now() - began < 2 * part
        if task.done():
            break
    return punctual
