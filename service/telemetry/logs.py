"""Log lines as JSON, on standard output like the audit trail, with secrets masked.

The mask covers credentials and signatures in every line, tracebacks included. It is the last
defence: the service logs none, but a library or an exception's message may.

They share the audit trail's sink, so that no line splits another. If the log collector stops
reading, nothing waits for it: lines are dropped and counted.
"""

import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

from service.errors import Overloaded
from service.telemetry import tracing
from service.telemetry.line_sink import LineSink

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_MASK: Final = r"\1[masked]"
_SECRETS: Final = [
    # A name, a separator and the value, as in a URL, a form field, JSON, XML, a repr or a header.
    re.compile(
        r"(?i)((?:x-amz-(?:signature|security-token|credential)"
        r"|(?:(?<=[?&])|(?<=&amp;)|(?<=u0026))signature|cloudfront-(?:signature|policy)"
        r"|secret_?access_?key|session_?token|web_?identity_?token)"
        r"\\*[\"']?\s*[=:>,]\s*(?:b(?=['\"]))?\\*[\"']?)[^\s\"'\\&<>,)]+"
    ),
    re.compile(r"(?i)(bearer\s+)[^\s\"',]+"),
    # A JWT anywhere: `eyJ` is `{"` in base64. Possessive quantifiers read each run of characters
    # once, so that the time stays linear. Text attached to the token is masked with it.
    re.compile(r"()(?<![\w-])(?=[\w-]*eyJ)[\w-]++(?:\.[\w-]*+){2,}", re.ASCII),
]
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


class RedactingFormatter(logging.Formatter):
    """Shows the type and the origin of an exception, but never its message.

    A message may quote anything, and no pattern recognises a secret without a name.
    """

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # cached by another formatter, with the message
        return redact(super().format(record))

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's name
        return "\n".join(_without_messages(ei[1], set()))


def _without_messages(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """Yield a traceback, the cause first, as Python does. Causes may form a cycle."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    context = None if error.__suppress_context__ else error.__context__
    yield from _without_messages(error.__cause__ or context, seen)
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, BaseExceptionGroup):
        for exception in error.exceptions:
            yield from _without_messages(exception, seen)


def redact(text: str) -> str:
    for secret in _SECRETS:
        text = secret.sub(_MASK, text)
    return text


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
