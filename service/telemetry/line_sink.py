"""Writes audit and log lines to a descriptor, as fast as its reader reads them.

Rules of this file:
- It never blocks the event loop. It writes only when the descriptor is ready, and at most PIPE_BUF
  bytes at a time, which a pipe takes whole. Only a file is always ready, and takes everything.
- A request waits briefly for a slow reader: a pipe holds 64 KiB, and a large batch writes more.
- A line that cannot be written is refused with `overloaded`, so that no URL goes out unaudited. A
  line that was partly written is finished before any other. The request's other lines are dropped.
- Log lines come from any thread, and do not wait.
"""

import asyncio
import fcntl
import logging
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from service.concurrency.pending import Pending
from service.errors import Overloaded

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 2.0  # that a request waits for a slow reader
_POLL_SECONDS: Final = 0.002
_PIPE_BYTES: Final = 1024 * 1024  # what an unprivileged process may ask for: man 7 pipe
_RETRY_AFTER: Final = 1  # seconds
_SLOW_READER: Final = "its reader does not keep up"


class LineSink:
    """Writes whole lines to `descriptor`: a file, or a pipe to a log collector."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._max_bytes = None if self._is_file else select.PIPE_BUF
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._unwritten = b""  # the rest of a partly written line
        self._failing = False
        self._lock = threading.RLock()  # re-entrant: the sink logs its own failures through itself
        self._waiting_requests = asyncio.Lock()  # one request waits at a time

    def enlarge_pipe_buffer(self) -> None:
        """Make a pipe hold more than its usual 64 KiB, if the system allows it."""
        set_size = getattr(fcntl, "F_SETPIPE_SZ", None)  # only on Linux
        if set_size is not None:
            with suppress(OSError):  # not a pipe, or the user has too many
                fcntl.fcntl(self._descriptor, set_size, _PIPE_BYTES)

    def write(self, lines: Iterable[bytes]) -> Pending:
        """Write `lines`. Raises Overloaded if they cannot be written."""
        pending = deque(lines)
        try:
            if not self._waiting_requests.locked() and self._write_pending(pending):
                return None
        except OSError as error:
            raise self._failure(error) from None
        return self._wait_and_write(pending)

    def write_now(self, line: bytes) -> None:
        """Write one line. Raises Overloaded if that is not possible at once."""
        try:
            if not self._write_pending(deque([line])):
                raise BlockingIOError(_SLOW_READER)
        except OSError as error:
            raise self._failure(error) from None

    async def _wait_and_write(self, pending: deque[bytes]) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._waiting_requests:
                while not self._write_pending(pending):  # noqa: ASYNC110 - a pipe has no event
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise self._failure(BlockingIOError(_SLOW_READER)) from None
        except OSError as error:
            raise self._failure(error) from None

    def _write_pending(self, pending: deque[bytes]) -> bool:
        """Write what the descriptor takes now. Return whether that was everything."""
        with self._lock:
            while self._finish_line():
                if not pending:
                    self._recover()
                    return True
                if not self._is_ready():
                    return False
                self._unwritten = self._write_piece(pending.popleft())
            return False

    def _finish_line(self) -> bool:
        """Write the rest of a partly written line. Return whether nothing is left of it."""
        while self._unwritten:
            if not self._is_ready():
                return False
            self._unwritten = self._write_piece(self._unwritten)
        return True

    def _write_piece(self, line: bytes) -> bytes:
        """Write the beginning of `line`. Return the rest."""
        return line[os.write(self._descriptor, line[: self._max_bytes]) :]

    def _is_ready(self) -> bool:
        return self._is_file or bool(self._poll.poll(0))

    def _recover(self) -> None:
        if self._failing:
            self._failing = False
            log.warning("the audit trail can be written again")

    def _failure(self, error: OSError) -> Overloaded:
        with self._lock:
            if not self._failing:
                self._failing = True
                log.error("the audit trail cannot be written, so nothing is signed: %s", error)
        return Overloaded("The audit trail cannot be written right now.", retry_after=_RETRY_AFTER)
