"""Takes messages off the queue, works on many at a time, and gives back what is not done.

Rules of this file:
- A message is deleted only after each hook that it concerns has accepted it.
- While it is worked on, other replicas do not see it. After a crash they do within 30 s.
- One that fails comes back later each time. The queue counts, so this is so in any replica.
- Each call to the queue is paid for, so it learns what became of messages some at a time.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from service.concurrency.causes import class_names
from service.concurrency.shared_attempts import attempt
from service.protocols.arrivals.queue import (
    BATCH,
    INVISIBLE_SECONDS,
    EventQueue,
    Message,
    QueueUnavailable,
    retry_seconds,
)

log = logging.getLogger(__name__)

EXTEND_SECONDS: Final = 10.0  # a third of the time for which a message is invisible
STOP_SECONDS: Final = 4.0  # for what is being worked on when the service stops
LAST_SECONDS: Final = 0.5  # at least, for the last report: docs/operations.md leaves 5 s in all
_RECEIVE_SECONDS: Final = 60.0  # a poll takes 20
_RECEIVERS: Final = 4  # at a time, while each gets as many messages as it asked for
_LONGEST_PAUSE: Final = 30.0  # after calls that failed
_OFF_SECONDS: Final = 1.0
_GATHER_SECONDS: Final = 0.05  # for reports, so that one call has many
_QUIET_SECONDS: Final = 60.0

T = TypeVar("T")

Work = Callable[[Message], Awaitable[bool]]  # returns whether the message is done


class Poller:
    """Runs from `start` until `stop`."""

    def __init__(
        self,
        queue: EventQueue,
        work: Work,
        *,
        slots: Callable[[], int],
        jitter: Callable[[], float],
        on_failure: Callable[[], None],
    ) -> None:
        """`slots` returns how many messages to work on at a time: none while arrivals are off.

        `jitter` returns a random number in [0, 1).
        """
        self._queue = queue
        self._work = work
        self._slots = slots
        self._jitter = jitter
        self._on_failure = on_failure
        self._settlements = Settlements(queue, on_failure=on_failure)
        self._working: dict[asyncio.Task[None], Message] = {}
        self._receivers: list[asyncio.Task[None]] = []
        self._has_slot = asyncio.Event()
        self._asked_for = 0  # messages, of all receivers
        self._has_more = asyncio.Event()  # the queue, as far as the last receiver has seen
        self._is_failing = False

    def start(self) -> None:
        receivers = [self._receive_all(is_first=not number) for number in range(_RECEIVERS)]
        self._receivers = [asyncio.create_task(receiver) for receiver in receivers]
        self._extending = asyncio.create_task(self._extend_all())
        self._settling = asyncio.create_task(self._settlements.run())

    async def stop(self) -> None:
        """Receive nothing more, and give what is being worked on a few seconds."""
        until = asyncio.get_running_loop().time() + STOP_SECONDS + LAST_SECONDS
        for task in self._receivers:
            task.cancel()
        self._settlements.end()  # a call to the queue that is cancelled may be lost
        await asyncio.wait([*self._working, self._settling], timeout=STOP_SECONDS)
        rest = [*self._working, self._extending, self._settling]
        for task in rest:
            task.cancel()
        # A client may swallow a cancellation.
        await asyncio.wait([*rest, *self._receivers], timeout=STOP_SECONDS)
        with suppress(TimeoutError):  # then the messages come back
            async with asyncio.timeout_at(until):
                await self._settlements.flush()
        await self._queue.close()

    async def _receive_all(self, *, is_first: bool) -> None:
        """Receive messages. All but the first wait while the queue has few: polls are paid for."""
        failures = 0
        while True:
            if not is_first:
                await self._has_more.wait()
            if (most := await self._free_slots()) == 0:
                continue
            self._asked_for += most
            try:
                messages = await attempt(self._queue.receive(most), _RECEIVE_SECONDS)
            except Exception as error:  # noqa: BLE001 - the queue is asked again, whatever it was
                failures += 1
                self._has_more.clear()
                is_ours = isinstance(error, QueueUnavailable)
                self._note(str(error) if is_ours else class_names(error))
                pause = min(2.0 ** min(failures - 1, 10), _LONGEST_PAUSE)
                await asyncio.sleep(pause * (0.5 + self._jitter() / 2))
                continue
            finally:
                self._asked_for -= most
            failures = 0
            self._note(None)
            self._start(messages)
            if len(messages) == most:
                self._has_more.set()
            else:
                self._has_more.clear()

    def _start(self, messages: Iterable[Message]) -> None:
        for message in messages:
            task = asyncio.create_task(self._handle(message))
            self._working[task] = message
            task.add_done_callback(self._ended)

    async def _free_slots(self) -> int:
        """Wait until there is a slot, for a second at most, and return how many there are."""
        if (free := self._slots() - len(self._working) - self._asked_for) > 0:
            return min(free, BATCH)
        self._has_slot.clear()
        try:
            async with asyncio.timeout(_OFF_SECONDS):
                await self._has_slot.wait()
        except TimeoutError:
            pass
        return 0

    async def _handle(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        began, is_done = loop.time(), False
        try:
            is_done = await self._work(message)
        except Exception:  # a bug must not stop the others
            log.exception("unexpected error at a message")
        if is_done:
            self._settlements.delete(message.receipt)
        else:
            held = loop.time() - began
            seconds = retry_seconds(message.receives, self._jitter(), held=held)
            self._settlements.hide(message.receipt, seconds)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self._has_slot.set()

    async def _extend_all(self) -> None:
        while True:
            await asyncio.sleep(EXTEND_SECONDS)
            for message in self._working.values():
                self._settlements.hide(message.receipt, INVISIBLE_SECONDS)

    def _note(self, failure: str | None) -> None:
        """Count a failure, and log the first of several."""
        if failure is not None:
            self._on_failure()
            if not self._is_failing:
                log.warning("the queue of arrivals cannot be read: %s", failure)
        elif self._is_failing:
            log.info("the queue of arrivals can be read again")
        self._is_failing = failure is not None


class Settlements:
    """Reports to the queue what became of messages."""

    def __init__(self, queue: EventQueue, *, on_failure: Callable[[], None]) -> None:
        self._queue = queue
        self._on_failure = on_failure
        self._done: list[str] = []
        self._later: dict[str, int] = {}  # the last word about a message counts
        self._wake = asyncio.Event()
        self._is_ending = False
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
        """Report to the queue until `end`."""
        while not self._is_ending:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()
            await self.flush()

    def end(self) -> None:
        self._is_ending = True
        self._wake.set()

    async def flush(self) -> None:
        """Report to the queue now. If that fails, these messages come back."""
        done, self._done = self._done, []
        later, self._later = [*self._later.items()], {}
        calls = [self._call(self._queue.delete, batch) for batch in _batches(done)]
        calls += [self._call(self._queue.hide, batch) for batch in _batches(later)]
        await asyncio.gather(*calls)

    async def _call(
        self, call: Callable[[Sequence[T]], Awaitable[None]], batch: Sequence[T]
    ) -> None:
        try:
            await call(batch)
        except QueueUnavailable as error:
            self._on_failure()
            # At most once in a minute: without the right to delete, each message fails.
            if (now := asyncio.get_running_loop().time()) >= self._logs_again_at:
                self._logs_again_at = now + _QUIET_SECONDS
                text = "the queue does not know what became of some messages, they come back: %s"
                log.warning(text, error)
        except Exception:  # or no message would be deleted any more
            self._on_failure()
            log.exception("unexpected error at the queue")


def _batches(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
