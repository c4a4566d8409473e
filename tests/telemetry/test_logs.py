"""Log lines: JSON, without secrets, written without waiting."""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.telemetry.line_sink import LineSink
from service.telemetry.logs import JsonFormatter, SinkHandler, WarningLimit, redact, set_up_logging
from tests.api.sentinels import logging_as_served
from tests.auth.mint import make_token
from tests.support.app import SECRET
from tests.telemetry.pipes import broken_pipe

A_JWT: Final = make_token()


def record(message: object = "a", *args: object) -> logging.LogRecord:
    return logging.LogRecord("service.x", logging.INFO, __file__, 1, message, args, None)


def formatted(message: object, *args: object, **more: Any) -> dict[str, Any]:
    logged = record(message, *args)
    logged.__dict__.update(more)
    text = JsonFormatter().format(logged)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


# A line


def test_a_line_has_message_logger_level_and_time() -> None:
    assert formatted("%s of %d", "one", 2, created=1_767_225_600.0625) == {
        "event": "log",
        "time": "2026-01-01T00:00:00.062Z",
        "level": "INFO",
        "logger": "service.x",
        "message": "one of 2",
    }


def test_the_time_is_utc_in_any_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert formatted("a", created=1_767_225_600.0)["time"] == "2026-01-01T00:00:00.000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@given(moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - see timezones
def test_a_time_is_written_to_the_millisecond(moment: datetime) -> None:
    text = formatted("a", created=moment.timestamp())["time"]
    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000Z")
    assert abs(datetime.fromisoformat(text) - moment).total_seconds() < 0.0011


@given(message=st.text())
@example(message="one\ntwo\r\n")
@example(message='a","level":"ERROR')
@example(message="\x00\x1b[2J\u2028")
def test_any_message_is_one_line_and_one_member(message: str) -> None:
    line = formatted("%s", message)
    assert set(line) == {"event", "time", "level", "logger", "message"}
    assert (line["event"], line["message"]) == ("log", redact(message))


@pytest.mark.parametrize(
    "message", [f"https://h/k?X-Amz-Signature={SECRET}&a=b", f"no caller for {A_JWT}"]
)
def test_a_secret_in_a_message_is_masked(message: str) -> None:
    for line in (formatted(message), formatted("%s", message), formatted("%r", {message: 1})):
        assert not any(secret in json.dumps(line) for secret in (SECRET, A_JWT))
        assert "[masked]" in line["message"]


def test_an_exception_shows_its_origin_and_not_its_message() -> None:
    try:
        fail_twice()
    except KeyError:
        line = formatted("it failed", exc_info=sys.exc_info())
    assert SECRET not in json.dumps(line)
    shown = line["exception"]
    assert shown.index("builtins.ValueError") < shown.index("builtins.KeyError")
    assert "in fail_twice" in shown


def fail_twice() -> None:
    try:
        int(f"message with {SECRET}")
    except ValueError as error:
        raise KeyError(SECRET) from error


# Where it goes


def handler_to(sink: LineSink, dropped: list[None]) -> SinkHandler:
    handler = SinkHandler(sink, on_drop=lambda: dropped.append(None))
    handler.setFormatter(JsonFormatter())
    return handler


def test_a_record_is_written_as_one_line(tmp_path: Path) -> None:
    file, dropped = tmp_path / "out", list[None]()
    with file.open("wb") as out:
        handler = handler_to(LineSink(out.fileno()), dropped)
        handler.handle(record("one\ntwo"))
        handler.handle(record("\ud800 is no character"))
    lines = [json.loads(line)["message"] for line in file.read_bytes().splitlines()]
    assert lines == ["one\ntwo", "? is no character"]
    assert dropped == []


def test_lines_of_a_failing_sink_are_dropped_and_counted() -> None:
    dropped: list[None] = []
    with broken_pipe() as sink:
        handler = handler_to(sink, dropped)
        for number in range(3):
            handler.handle(record())
            assert len(dropped) == number + 1


def test_the_fallback_gets_what_the_first_sink_cannot_take(tmp_path: Path) -> None:
    with (tmp_path / "errors").open("wb") as errors, broken_pipe() as sink:
        handler = SinkHandler(sink, LineSink(errors.fileno()), on_drop=pytest.fail)
        handler.handle(record("hello"))
    assert (tmp_path / "errors").read_bytes() == b"hello\n"


def test_an_unformattable_line_is_dropped_and_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The logging module would print the message and its arguments, unmasked."""
    dropped: list[None] = []
    with Path(os.devnull).open("wb") as out:
        handler_to(LineSink(out.fileno()), dropped).handle(record("%d", SECRET))
    assert dropped == [None]
    assert capsys.readouterr() == ("", "")


def test_a_sink_that_logs_its_own_failure_causes_no_deadlock() -> None:
    logger, done = logging.getLogger("service.telemetry.line_sink"), threading.Event()

    def write() -> None:
        for _ in range(3000):
            sink._failing = False  # so that each failure is logged again
            with suppress(Exception):
                sink.write_now(b"a\n")
        done.set()

    def log() -> None:
        while not done.is_set():
            handler.handle(record())

    with broken_pipe() as sink:
        handler = handler_to(sink, [])
        logger.addHandler(handler)
        try:
            for each in (write, log):
                threading.Thread(target=each, daemon=True).start()
            assert done.wait(20)
        finally:
            logger.removeHandler(handler)


# Levels

LEVELS: Final = ["DEBUG", "INFO", "WARNING", "ERROR"]


class Kept(logging.Handler):
    """A handler that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(name="levels")
def _levels() -> Iterator[None]:
    with logging_as_served("INFO", StringIO()):  # restores all loggers
        yield


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.usefixtures("levels")
def test_lines_below_the_level_are_not_logged(level: str) -> None:
    handler = Kept()
    set_up_logging(level, handler)
    for each in LEVELS:
        logging.getLogger("service.x").log(logging.getLevelName(each), "a")
    assert [each.levelname for each in handler.records] == LEVELS[LEVELS.index(level) :]


@pytest.mark.parametrize(
    ("name", "lowest"),
    [
        ("botocore.parsers", "INFO"),
        ("botocore.credentials", "INFO"),
        ("aiobotocore.httpsession", "INFO"),
        ("aiohttp.client", "INFO"),
        ("httpx", "WARNING"),
        ("httpcore.http11", "WARNING"),
    ],
)
@pytest.mark.usefixtures("levels")
def test_libraries_that_log_secrets_or_urls_have_a_higher_level(name: str, lowest: str) -> None:
    set_up_logging("DEBUG", logging.NullHandler())
    assert logging.getLevelName(logging.getLogger(name).getEffectiveLevel()) == lowest


def test_malformed_requests_log_ten_lines_a_second_at_most() -> None:
    now, handler = [0.0], Kept()
    logger = logging.Logger("uvicorn.error")  # noqa: LOG001 - a logger of its own
    logger.addFilter(WarningLimit(10, now=lambda: now[0]))
    logger.addHandler(handler)
    for _ in range(100):
        logger.warning("Invalid HTTP request received.")
    logger.error("an error")
    now[0] = 1.0
    logger.warning("Invalid HTTP request received.")
    assert [each.getMessage() for each in handler.records] == [
        *["Invalid HTTP request received."] * 10,
        "an error",
        "Invalid HTTP request received. 90 more such lines were suppressed.",
    ]
