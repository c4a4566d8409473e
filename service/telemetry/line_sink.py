"""Where audit lines go: a descriptor that is written to as fast as its reader reads, and no faster.

Rules of this file:
- It never blocks the loop: nothing is written before the descriptor can take it, and no more at a
  time than a pipe takes whole (PIPE_BUF). Only a file is always ready, and takes everything. What does not go at once is awaited for a moment: a pipe
  holds 64 KiB, and the lines of a large batch are more.
- What cannot be written then is refused with `overloaded`, so that no URL goes out unaudited. A line
  that was begun is ended before any other, lest two become one; the others are dropped, so a request
  whose parts are not all there was refused.
- Log lines go the same way, and come from any thread, but are not waited for.
"""

import asyncio
import fcntl
import logging
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Final

from service.errors import Overloaded

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 2.0  # that a request waits for a slow reader
_PAUSE_SECONDS: Final = 0.002  # between two looks whether it has read
_PIPE_BYTES: Final = 1024 * 1024  # what a process without rights may ask for: man 7 pipe
_RETRY_AFTER: Final = 1  # seconds


class LineSink:
    """Whole lines to `descriptor`: a file, or a pipe to a log collector."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # which takes all, at any time
        self._at_once = None if self._is_file else select.PIPE_BUF
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._unwritten = b""  # of a line that was begun
        self._fails = False
        self._lock = threading.RLock()  # what is logged of a failure comes back here
        self._turn = asyncio.Lock()  # of requests that wait, one after the other

    def enlarge_pipe_buffer(self) -> None:
        """Have a pipe hold more than its usual 64 KiB, where the system allows it."""
        set_size = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux alone has it
        if set_size is not None:
            with suppress(OSError):  # it is no pipe, or its owner has too many
                fcntl.fcntl(self._descriptor, set_size, _PIPE_BYTES)

    def write(self, lines: Iterable[bytes]) -> Awaitable[None] | None:
        """None if all is written at once, else what to await. Either raises Overloaded if it cannot be."""
        waiting = deque(lines)
        try:
            if not self._turn.locked() and (self._put_single(waiting) or self._advance(waiting)):
                return None
        except OSError as error:
            raise self._failure(error) from None
        return self._finish(waiting)

    def write_now(self, line: bytes) -> None:
        """Raises Overloaded if the line cannot be written at once."""
        try:
            if not self._advance(deque([line])):
                raise BlockingIOError("its reader does not keep up")
        except OSError as error:
            raise self._failure(error) from None

    async def _finish(self, waiting: deque[bytes]) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._turn:
                while not self._advance(waiting):  # noqa: ASYNC110 - no event tells of a reader
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            raise self._failure(BlockingIOError("its reader does not keep up")) from None
        except OSError as error:
            raise self._failure(error) from None

    def _put_single(self, waiting: deque[bytes]) -> bool:
        """Write a line that a file takes as it comes, as `_advance` does with less ado; whether it did."""
        if not self._is_file or len(waiting) != 1:
            return False
        with self._lock:
            if self._unwritten or self._fails:
                return False
            self._unwritten = self._put(waiting.popleft())
        return not self._unwritten

    def _advance(self, waiting: deque[bytes]) -> bool:
        """Write what the descriptor takes now; whether that was all."""
        with self._lock:
            while self._flush():
                if not waiting:
                    self._succeed()
                    return True
                if not self._can_take():
                    return False
                self._unwritten = self._put(waiting[0])
                waiting.popleft()
            return False

    def _flush(self) -> bool:
        """Write what is left of the line under way; whether that is done."""
        while self._unwritten:
            if not self._can_take():
                return False
            self._unwritten = self._put(self._unwritten)
        return True

    def _put(self, line: bytes) -> bytes:
        """Write a piece; what is left."""
        return line[os.write(self._descriptor, line[: self._at_once]) :]

    def _can_take(self) -> bool:
        return self._is_file or bool(self._poll.poll(0))

    def _succeed(self) -> None:
        if self._fails:
            self._fails = False
            log.warning("the audit trail is written again")

    def _failure(self, error: OSError) -> Overloaded:
        with self._lock:
            if not self._fails:
                self._fails = True
                log.error("no audit trail can be written, so nothing is signed: %s", error)
        return Overloaded("The audit trail cannot be written right now.", retry_after=_RETRY_AFTER)
