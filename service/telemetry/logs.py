"""Log lines as JSON, on standard output beside the audit trail, with secrets masked.

A line goes the audit's way, so that neither cuts the other in two, and so that a log collector which
does not read stops nothing: then lines are dropped and counted.
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
from service.telemetry.line_limit import LineLimit
from service.telemetry.line_sink import LineSink
from service.telemetry.redaction import RedactingFormatter, redact

# At DEBUG they log the bodies of STS's answers, which hold secrets; httpx each address, at INFO.
_TALKATIVE: Final = {
    "botocore": logging.INFO,
    "aiobotocore": logging.INFO,
    "aioboto3": logging.INFO,
    "boto3": logging.INFO,
    "aiohttp": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
}
# uvicorn's only warning is that a request is malformed, and anybody can send one.
_SERVER: Final = "uvicorn.error"
MALFORMED_LINES: Final = 10  # a second


class JsonFormatter(RedactingFormatter):
    def format(self, record: logging.LogRecord) -> str:
        members = {
            "event": "log",
            "time": _time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **tracing.ids(),
        }
        if record.exc_info:
            members["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(members, ensure_ascii=False)


def _time(created: float) -> str:
    moment = datetime.fromtimestamp(created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class SinkHandler(logging.Handler):
    """A line goes to the first of `sinks` that takes it. `on_drop` is called if none does."""

    def __init__(self, *sinks: LineSink, on_drop: Callable[[], None]) -> None:
        super().__init__()
        self._sinks = sinks
        self._on_drop = on_drop

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the handler's lock: the sink has one, and logs of its failures while it holds it,
        # so two threads could wait for each other.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record).encode(errors="replace") + b"\n")
        except Exception:  # noqa: BLE001 - no line may end a request; logging would print what it holds
            self._on_drop()

    def _write(self, line: bytes) -> None:
        for sink in self._sinks[:-1]:
            with suppress(Overloaded):
                sink.write_now(line)
                return
        self._sinks[-1].write_now(line)


class FewWarnings(logging.Filter):
    """Lets so many warnings a second by. The next one says how many were suppressed."""

    def __init__(
        self, most: int = MALFORMED_LINES, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._limit = LineLimit(most)
        self._now = now

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        if not self._limit.matches_content_type(self._now()):
            return False
        if suppressed := self._limit.suppressed():
            record.msg = f"{record.msg} %d more such lines were suppressed."
            record.args = (*(record.args if isinstance(record.args, tuple) else ()), suppressed)
        return True


def plain_handler() -> logging.Handler:
    """For a person at a terminal."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def set_up_logging(level: str, handler: logging.Handler) -> None:
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))
    server = logging.getLogger(_SERVER)
    server.filters[:] = [FewWarnings()]
