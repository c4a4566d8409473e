"""Where audit lines go: a descriptor that is written to, or else found full or gone, at once.

Rules of this file:
- It never blocks the loop: nothing is written before the descriptor can take it, and no more at a
  time than a pipe takes whole (PIPE_BUF).
- What cannot be written is refused with `overloaded`, so that no URL goes out unaudited. A line that
  was begun is ended before any other, lest two become one; one of which nothing is written is dropped.
- Log lines go the same way, and come from any thread.
"""

import logging
import os
import select
import threading
from collections.abc import Iterable
from typing import Final

from service.errors import Overloaded

log = logging.getLogger(__name__)

_RETRY_AFTER: Final = 1  # seconds


class AuditSink:
    """Whole lines to `descriptor`: a file, or a pipe to a log collector."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._unwritten = b""
        self._is_begun = False  # of what is unwritten, the line's head has gone out
        self._fails = False
        self._lock = threading.RLock()  # what is logged of a failure comes back here

    def write(self, lines: Iterable[bytes]) -> None:
        """Raises Overloaded unless all of it is written."""
        with self._lock:
            self._write(lines)

    def _write(self, lines: Iterable[bytes]) -> None:
        try:
            self._flush()
            for line in lines:
                self._unwritten, self._is_begun = line, False
                self._flush()
        except OSError as error:
            self._fail(error)
            raise Overloaded(
                "The audit trail cannot be written right now.", retry_after=_RETRY_AFTER
            ) from None
        if self._fails:
            self._fails = False
            log.warning("the audit trail is written again")

    def _flush(self) -> None:
        while self._unwritten:
            if not self._poll.poll(0):
                raise BlockingIOError("its reader does not keep up")
            written = os.write(self._descriptor, self._unwritten[: select.PIPE_BUF])
            self._unwritten, self._is_begun = self._unwritten[written:], True

    def _fail(self, error: OSError) -> None:
        if not self._is_begun:
            self._unwritten = b""
        if not self._fails:
            self._fails = True
            log.error("no audit trail can be written, so nothing is signed: %s", error)
