"""Limits how many jobs of one hook run at a time.

A job is what one message, or one push, has for the hook.

Messages and pushes have places of their own, so that neither takes those of the other.
"""

import asyncio
from typing import Final
from weakref import WeakValueDictionary

from service.api.limits import ConcurrencyLimiter
from service.api.request_state import CallerId
from service.errors import Overloaded

JOBS: Final = 64  # of messages, and as many of pushes
WAITING: Final = 10  # messages, beyond these
QUICK_SECONDS: Final = 1.0


class Places:
    def __init__(self) -> None:
        self._messages = asyncio.Semaphore(JOBS)
        self._waiting = 0  # messages
        self._pushes = ConcurrencyLimiter(JOBS)
        self._turns = WeakValueDictionary[CallerId, asyncio.Lock]()  # one push of each caller waits
        self._released = asyncio.Event()  # a place of a push

    async def acquire(self, caller_id: CallerId | None, *, is_quick: bool) -> bool:
        """Take a place for a push of a caller, or for a message. Return whether there was one.

        A caller may hold half of the places that other callers do not use. For a quick hook, pushes
        and up to WAITING messages wait a moment, since the queue counts each return of a message. A
        slow hook's jobs are refused at once, so that they hold up no others.
        """
        may_wait = is_quick and (caller_id is not None or self._waiting < WAITING)
        self._waiting += caller_id is None
        try:
            async with asyncio.timeout(QUICK_SECONDS if may_wait else 0):
                if caller_id is None:
                    return await self._messages.acquire()
                await self._acquire_of(caller_id)
                return True
        except TimeoutError:
            return False
        finally:
            self._waiting -= caller_id is None

    def release(self, caller_id: CallerId | None) -> None:
        if caller_id is None:
            self._messages.release()
        else:
            self._pushes.release(caller_id)
            self._released.set()

    async def _acquire_of(self, caller_id: CallerId) -> None:
        turn = self._turns.setdefault(caller_id, asyncio.Lock())
        async with turn:
            while not self._has_share(caller_id):
                self._released.clear()
                await self._released.wait()

    def _has_share(self, caller_id: CallerId) -> bool:
        try:
            self._pushes.acquire(caller_id)
        except Overloaded:
            return False
        return True
