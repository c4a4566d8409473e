"""Attempts of a background task, one at a time, shared by all requests that wait for them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextvars import Context, copy_context
from typing import Final, TypeVar

from service.concurrency.waiting import Waiting

log = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds. Unlike `Clock.boot`, the event loop's clock may stop during a suspend.
LONGEST_SLEEP: Final = 30.0


class StrayCancellation(Exception):
    """The work was cancelled from within, as some SDKs do, and not by the owner of the task."""


async def attempt(work: Awaitable[T], seconds: float) -> T:
    """Await `work`. Raises TimeoutError after `seconds`, and StrayCancellation."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        raise StrayCancellation from None


class SharedAttempts:
    """A task that calls `step` again and again. It belongs to no request, so no disconnect ends it.

    `step` makes an attempt if one is due, then calls `ended`. It returns the seconds until it wants
    to be called again, or None to end the task. It may be called earlier.
    """

    def __init__(
        self, step: Callable[[], Awaitable[float | None]], *, name: str, waiting: Waiting
    ) -> None:
        """`name` is for the log. `waiting` limits how many requests wait."""
        self._step = step
        self._name = name
        self._waiting = waiting
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_cancelled = False
        self._is_in_step = False
        self._is_interrupted = False
        self._asleep = asyncio.Event()
        self._contexts: dict[object, Context] = {}  # of the requests that wait

    def waiting_contexts(self) -> Collection[Context]:
        """Return the contexts of the requests that wait now, the first one first."""
        return self._contexts.values()

    def start(self) -> None:
        """Start the task, unless it has been started before. The first `wait` does so too."""
        if self._task is None and not self._is_cancelled:
            # In an empty context: what it logs belongs to no request.
            self._task = asyncio.create_task(self._run(), name=self._name, context=Context())
            self._task.add_done_callback(self._forget)

    def cancel(self) -> None:
        """End the task and release the requests that wait.

        A client may swallow the cancellation, as redis does while it connects. So the task looks at
        a flag as well.
        """
        self._is_cancelled = True
        self._ended.set()
        self._asleep.set()
        self._wake.set()
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """Cancel, and wait for the end of the task."""
        self.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    @property
    def is_at_work(self) -> bool:
        """Whether a step is in progress or about to begin."""
        has_task = self._task is not None and not self._task.done()
        return has_task and not self._asleep.is_set()

    async def until_asleep(self) -> None:
        """Wait until no step is in progress."""
        while self.is_at_work:  # a `wake` during a step begins another one
            await self._asleep.wait()

    def interrupt(self) -> None:
        """Cancel the step in progress, if any, and sleep. `wait` or `wake` begins the next one."""
        if self._is_in_step and self._task is not None:  # elsewhere it would end the task
            self._is_interrupted = True
            self._task.cancel()

    def wake(self) -> None:
        """Call `step` soon, since what it decides by has changed."""
        self._asleep.clear()
        self._wake.set()

    def ended(self) -> None:
        """Release the requests that wait for this attempt."""
        self._ended.set()
        self._ended = asyncio.Event()

    async def wait(self, seconds: float, awaited: Hashable) -> bool:
        """Wait until the current or next attempt ends, for at most `seconds`.

        Return False at once if too many wait already, for `awaited` or in all.
        """
        if not self._waiting.acquire(awaited):
            return False
        self._contexts[waiter := object()] = copy_context()
        self.start()
        self.wake()
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            pass
        finally:
            del self._contexts[waiter]
            self._waiting.release(awaited)
        return True

    async def _run(self) -> None:
        seconds: float | None = 0.0
        while seconds is not None and not self._is_cancelled:
            self._wake.clear()
            self._is_in_step = True
            try:
                seconds = await self._step()
            except asyncio.CancelledError:
                if not self._is_interrupted:
                    raise
                seconds = LONGEST_SLEEP
            except Exception:  # a bug must not end the refreshes for ever
                log.exception("unexpected error while refreshing %s", self._name)
                seconds = LONGEST_SLEEP
            self._end_step()
            if seconds:
                await self._sleep(seconds)

    def _forget(self, _: object) -> None:
        """Refer to nothing that refers to this: see `without_garbage_collection`."""
        self._is_cancelled = True
        self._asleep.set()
        self._task = None
        del self._step

    def _end_step(self) -> None:
        """End an interruption, too, even if the step swallowed the cancellation."""
        self._is_in_step = False
        if self._is_interrupted and self._task is not None:
            self._is_interrupted = False
            while self._task.uncancel():  # it may have been interrupted again
                pass

    async def _sleep(self, seconds: float) -> None:
        self._asleep.set()
        try:
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP)):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._asleep.clear()
