"""The sink on real descriptors: a pipe with and without a reader, a file, a full device."""

import logging
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Overloaded
from service.telemetry.line_sink import LineSink
from tests.support.examples import examples
from tests.telemetry.pipes import Pipe, line, numbers, open_pipe

ROOT: Final = Path(__file__).parents[2]
AT_ONCE: Final = 20.0  # seconds, on a busy machine; a blocking write would never return
FULL: Final = Path("/dev/full")
LONG: Final = 15 * 1024  # bytes: the longest line


@pytest.fixture(name="pipe")
def _pipe() -> Iterator[Pipe]:
    with open_pipe() as pipe:
        yield pipe


def refused_at_once(sink: LineSink, *lines: bytes) -> Overloaded:
    began = time.monotonic()
    with pytest.raises(Overloaded) as refused:
        list(map(sink.write_now, lines))
    assert time.monotonic() - began < AT_ONCE
    return refused.value


def test_lines_are_written_unchanged_in_order(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    assert sink.write([line(1), line(2)]) is None
    assert sink.write([]) is None
    sink.write_now(line(3, LONG))
    assert LONG > 3 * select.PIPE_BUF
    assert pipe.drain() == line(1) + line(2) + line(3, LONG)


def test_a_pipe_without_a_reader_refuses_and_never_blocks(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    began = time.monotonic()
    written = pipe.fill(sink)
    assert time.monotonic() - began < AT_ONCE
    assert len(written) >= 2  # it did take some
    for number in range(100):
        refusal = refused_at_once(sink, line(number))
        assert (refusal.code, refusal.retry_after, refusal.pointers) == ("overloaded", 1, {})
        assert "pipe" not in refusal.detail.lower()
        assert refusal.__cause__ is None


def test_a_pipe_never_blocks_however_full_it_is(pipe: Pipe) -> None:
    """At every fill level: a write that does not fit would wait forever."""
    sink = LineSink(pipe.writer)
    pipe.fill(sink, 100)
    for _ in range(400):
        pipe.drain(at_most=37)
        with suppress(Overloaded):
            sink.write_now(line(0, 5000))


@pytest.mark.parametrize(
    "refused",
    [[], [[number] for number in range(2000, 2010)], [[2000, 2001]]],
    ids=["none", "ten requests", "a request of two lines"],
)
def test_a_partly_written_line_is_finished_first(pipe: Pipe, refused: list[list[int]]) -> None:
    sink = LineSink(pipe.writer)
    written = pipe.fill(sink)
    for request in refused:
        refused_at_once(sink, *(line(number, LONG) for number in request))
    seen = pipe.drain()
    assert not seen.endswith(b"\n"), "this pipe cuts no line of this length"
    sink.write_now(line(1000))
    assert numbers(seen + pipe.drain()) == [*written, len(written), 1000]


def test_an_unwritten_line_is_dropped_with_its_request(pipe: Pipe) -> None:
    """Otherwise the trail would show a URL that nobody got."""
    sink = LineSink(pipe.writer)
    written = pipe.fill(sink, select.PIPE_BUF)  # whole lines: none is cut
    refused_at_once(sink, line(2000))
    seen = pipe.drain()
    sink.write_now(line(1000))
    assert numbers(seen + pipe.drain()) == [*written, 1000]


@examples(60)
@given(st.lists(st.integers(1, LONG) | st.integers(-20_000, -1), min_size=5, max_size=60))
def test_lines_are_never_mixed(steps: list[int]) -> None:
    """A positive step writes a line of that length, a negative one reads that many bytes."""
    accepted, seen = [], b""
    with open_pipe() as pipe:
        sink = LineSink(pipe.writer)
        for number, step in enumerate(steps * 3):
            if step < 0:
                seen += pipe.drain(at_most=-step)
            else:
                with suppress(Overloaded):
                    sink.write_now(line(number, step))
                    accepted.append(number)
        seen += pipe.drain()
        sink.write_now(line(10_000))
        found = numbers(seen + pipe.drain())
    assert found == sorted(set(found))
    assert {*accepted, 10_000} <= set(found)


def test_a_closed_reader_is_an_outage_and_no_signal(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    sink.write_now(line(1))
    pipe.close_reader()
    for number in range(3):
        assert refused_at_once(sink, line(number)).code == "overloaded"


def test_a_closed_descriptor_is_an_outage(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "trail", os.O_CREAT | os.O_WRONLY)
    sink = LineSink(descriptor)
    os.close(descriptor)
    refused_at_once(sink, line(1))


def test_a_file_takes_lines_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "trail"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    sink = LineSink(descriptor)
    for number in range(100):
        sink.write_now(line(number, 1000 * number))
    os.close(descriptor)
    assert numbers(path.read_bytes()) == list(range(100))


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_device_is_an_outage() -> None:
    with FULL.open("wb", buffering=0) as full:
        refusal = refused_at_once(LineSink(full.fileno()), line(1))
    assert refusal.retry_after == 1


def test_an_outage_and_its_end_are_logged_once(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sink = LineSink(pipe.writer)
    for _ in range(2):
        pipe.fill(sink)
        for number in range(20):
            refused_at_once(sink, line(number))
        pipe.drain()
        for number in range(3):
            sink.write_now(line(number))
        pipe.drain()
    levels = [(record.levelname, record.name) for record in caplog.records]
    outage = [("ERROR", "service.telemetry.line_sink"), ("WARNING", "service.telemetry.line_sink")]
    assert levels == outage * 2
    assert "number" not in caplog.text


def test_a_sink_that_never_failed_logs_nothing(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    LineSink(pipe.writer).write_now(line(1))
    assert caplog.records == []


# As in `serve`, with both streams in one pipe (`2>&1`): reporting the outage must not wait for the
# reader that has stopped.
_ONE_STREAM: Final = """
import sys
from service.telemetry.line_sink import LineSink
from service.errors import Overloaded
from service.telemetry.logs import JsonFormatter, SinkHandler, set_up_logging

sink, refused, dropped = LineSink(sys.stdout.fileno()), 0, []
handler = SinkHandler(sink, on_drop=lambda: dropped.append(1))
handler.setFormatter(JsonFormatter())
set_up_logging("INFO", handler)
while refused < 3:
    try:
        sink.write_now(b"x" * 4000 + b"\\n")
    except Overloaded:
        refused += 1
assert dropped
"""


def test_an_outage_of_both_streams_blocks_nothing() -> None:
    command = [sys.executable, "-c", _ONE_STREAM]
    with Popen(command, cwd=ROOT, stdout=PIPE, stderr=STDOUT) as process:
        try:
            assert process.wait(timeout=60) == 0  # a blocking write would never return
        finally:
            process.kill()
