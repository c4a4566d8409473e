"""Reports to the queue what became of messages, some at a time: each call to SQS is paid for."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from service.protocols.arrivals.queue import BATCH, EventQueue, QueueUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

_GATHER_SECONDS: Final = 0.05
_QUIET_SECONDS: Final = 60.0


class Settlements:
    def __init__(self, queue: EventQueue, *, on_failure: Callable[[], None]) -> None:
        self._queue = queue
        self._on_failure = on_failure
        self._done: list[str] = []
        self._later: dict[str, int] = {}  # the last word about a message counts
        self._wake = asyncio.Event()
        self._logs_again_at = -math.inf  # of the loop's clock

    def delete(self, receipt: str) -> None:
        self._later.pop(receipt, None)
        self._done.append(receipt)
        self._wake.set()

    def hide(self, receipt: str, seconds: int) -> None:
        """Make a message come back after some seconds."""
        self._later[receipt] = seconds
        self._wake.set()

    async def run(self) -> None:
        """Report to the queue until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Report to the queue now. If that fails, these messages come back."""
        done, self._done = self._done, []
        later, self._later = [*self._later.items()], {}
        calls = [self._call(self._queue.delete, each) for each in _batches(done)]
        calls += [self._call(self._queue.hide, each) for each in _batches(later)]
        await asyncio.gather(*calls)

    async def _call(self, call: Callable[[Sequence[T]], Awaitable[None]], of: Sequence[T]) -> None:
        try:
            await call(of)
        except QueueUnavailable as error:
            self._on_failure()
            self._log(error)
        except Exception:  # or no message would be deleted any more
            self._on_failure()
            log.exception("unexpected error at the queue")

    def _log(self, error: QueueUnavailable) -> None:
        """At most once in a minute: without the right to delete, each message fails."""
        if (now := asyncio.get_running_loop().time()) >= self._logs_again_at:
            self._logs_again_at = now + _QUIET_SECONDS
            text = "the queue does not know what became of some messages, they come back: %s"
            log.warning(text, error)


def _batches(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
