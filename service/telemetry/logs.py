"""Log lines as JSON, on standard output like the audit trail, with secrets masked.

They share the audit trail's sink, so that no line splits another. If the log collector stops
reading, nothing waits for it: lines are dropped and counted.
"""

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from service.errors import Overloaded
from service.telemetry import tracing
from service.telemetry.line_sink import LineSink
from service.telemetry.redaction import RedactingFormatter, redact

# At DEBUG these log STS responses, which contain secrets. At INFO httpx logs each URL.
_LOWEST_LEVELS: Final = {
    "botocore": logging.INFO,
    "aiobotocore": logging.INFO,
    "aioboto3": logging.INFO,
    "boto3": logging.INFO,
    "aiohttp": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
}
MALFORMED_LINES: Final = 10  # a second


class JsonFormatter(RedactingFormatter):
    def format(self, record: logging.LogRecord) -> str:
        members = {
            "event": "log",
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **tracing.ids(),
        }
        if record.exc_info:
            members["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(members, ensure_ascii=False)


class SinkHandler(logging.Handler):
    """Writes each line to the first of `sinks` that takes it. Calls `on_drop` if none does."""

    def __init__(self, *sinks: LineSink, on_drop: Callable[[], None]) -> None:
        super().__init__()
        self._sinks = sinks
        self._on_drop = on_drop

    def handle(self, record: logging.LogRecord) -> bool:
        # Skip the handler's lock: the sink logs its failures while it holds its own lock, so with
        # both locks two threads could wait for each other.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record).encode(errors="replace") + b"\n")
        except Exception:  # noqa: BLE001 - logging would print the record, unmasked
            self._on_drop()

    def _write(self, line: bytes) -> None:
        *preferred, last = self._sinks
        for sink in preferred:
            with suppress(Overloaded):
                sink.write_now(line)
                return
        last.write_now(line)


class WarningLimit(logging.Filter):
    """Passes `maximum` warnings a second. The next one says how many were suppressed."""

    def __init__(
        self, maximum: int = MALFORMED_LINES, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._limit = LineLimit(maximum)
        self._now = now

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        if not self._limit.allows(self._now()):
            return False
        if suppressed := self._limit.suppressed():
            record.msg = f"{record.msg} %d more such lines were suppressed."
            record.args = (*(record.args if isinstance(record.args, tuple) else ()), suppressed)
        return True


def plain_handler() -> logging.Handler:
    """Return a handler that writes plain text, for a person at a terminal."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def set_up_logging(level: str, handler: logging.Handler) -> None:
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, lowest in _LOWEST_LEVELS.items():
        logging.getLogger(name).setLevel(max(lowest, logging.getLevelName(level)))
    # uvicorn's only warning is about a malformed request, and anybody can send one.
    logging.getLogger("uvicorn.error").filters[:] = [WarningLimit()]


class LineLimit:
    """Allows `maximum` lines a second, and counts the others."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._second_began = float("-inf")
        self._written = 0
        self._suppressed = 0

    def allows(self, now: float) -> bool:
        """Return whether one more line may be written at `now`, in seconds, and count it."""
        if now - self._second_began >= 1.0:
            self._second_began, self._written = now, 0
        if self._written >= self._maximum:
            self._suppressed += 1
            return False
        self._written += 1
        return True

    def suppressed(self) -> int:
        """Return how many lines were suppressed since the last call."""
        count, self._suppressed = self._suppressed, 0
        return count
