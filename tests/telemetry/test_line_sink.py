"""The sink on true descriptors: a pipe that is read or not, a file, a full device."""

import json
import logging
import os
import select
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Overloaded
from service.telemetry.line_sink import LineSink
from tests.signing.strategies import examples

ROOT: Final = Path(__file__).parents[2]
AT_ONCE: Final = 20.0  # seconds, for machines that are busy; whoever blocks here blocks for ever
FULL: Final = Path("/dev/full")
LONG: Final = 15 * 1024  # bytes: as long as a line may be
CUT: Final = 10_000  # three pages, of which a pipe has no multiple: the last line is begun only


def line(number: int, length: int = 0) -> bytes:
    """Of at least `length` bytes."""
    bare = len(json.dumps({"number": number, "keys": ""})) + 1
    return json.dumps({"number": number, "keys": "k" * (length - bare)}).encode() + b"\n"


class Pipe:
    """A true pipe, blocking as standard output is. Nobody reads until `drain`."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def drain(self, at_most: int = 1 << 20) -> bytes:
        """What is in the pipe, or as much of it as is wanted."""
        read = b""
        while len(read) < at_most and select.select([self.reader], [], [], 0)[0]:
            read += os.read(self.reader, at_most - len(read))
        return read

    def fill(self, sink: LineSink, length: int = CUT) -> list[int]:
        """Write until it is refused. The numbers of the lines that went out before."""
        for number in range(10_000):
            try:
                sink.write_now(line(number, length))
            except Overloaded:
                return list(range(number))
        raise AssertionError("a pipe that nobody reads takes everything")

    def close_reader(self) -> None:
        os.close(self.reader)
        self.reader = -1


@contextmanager
def a_pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    try:
        yield pipe
    finally:
        os.close(pipe.writer)
        if pipe.reader >= 0:
            os.close(pipe.reader)


@pytest.fixture(name="pipe")
def _pipe() -> Iterator[Pipe]:
    with a_pipe() as pipe:
        yield pipe


def write_all(sink: LineSink, lines: Iterable[bytes]) -> None:
    for each in lines:
        sink.write_now(each)


def refused_at_once(sink: LineSink, *lines: bytes) -> Overloaded:
    begun = time.monotonic()
    with pytest.raises(Overloaded) as refused:
        write_all(sink, lines)
    assert time.monotonic() - begun < AT_ONCE
    return refused.value


def numbers(written: bytes) -> list[int]:
    """Of the lines, each of which must be one: two that are mixed are no JSON."""
    assert written == b"" or written.endswith(b"\n")
    return [json.loads(each)["number"] for each in written.splitlines()]


def test_lines_are_written_in_order_and_to_the_byte(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    assert sink.write([line(1), line(2)]) is None
    sink.write_now(line(3))
    assert pipe.drain() == line(1) + line(2) + line(3)


def test_a_line_longer_than_a_pipe_takes_at_once_goes_through_whole(pipe: Pipe) -> None:
    assert LONG > 3 * select.PIPE_BUF
    LineSink(pipe.writer).write_now(line(1, LONG))
    assert pipe.drain() == line(1, LONG)


def test_nothing_to_write_is_written_to_anything(pipe: Pipe) -> None:
    assert LineSink(pipe.writer).write([]) is None
    assert pipe.drain() == b""


def test_a_pipe_that_nobody_reads_refuses_and_never_blocks(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    begun = time.monotonic()
    written = pipe.fill(sink)
    assert time.monotonic() - begun < AT_ONCE
    assert len(written) >= 2  # it did take some
    for number in range(100):
        assert refused_at_once(sink, line(number)).code == "overloaded"


def test_whoever_is_refused_is_told_to_come_back_and_no_more(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    pipe.fill(sink)
    refusal = refused_at_once(sink, line(1))
    assert (refusal.retry_after, refusal.pointers) == (1, {})
    assert "pipe" not in refusal.detail.lower()
    assert refusal.__cause__ is None


def test_a_pipe_never_blocks_however_full_it_is(pipe: Pipe) -> None:
    """At every fill from a page to none: a write that does not fit whole would wait for ever."""
    sink = LineSink(pipe.writer)
    pipe.fill(sink, 100)
    for _ in range(400):
        pipe.drain(at_most=37)
        with suppress(Overloaded):
            sink.write_now(line(0, 5000))


def test_a_line_that_was_begun_is_ended_before_any_other(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    written = pipe.fill(sink)
    begun = pipe.drain()
    assert not begun.endswith(b"\n"), "this pipe cuts no line of this length"
    sink.write_now(line(1000))
    assert numbers(begun + pipe.drain()) == [*written, len(written), 1000]


def test_a_line_that_was_begun_is_ended_though_others_are_refused_between(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    written = pipe.fill(sink)
    for number in range(2000, 2010):
        refused_at_once(sink, line(number, LONG))
    begun = pipe.drain()
    sink.write_now(line(1000))
    assert numbers(begun + pipe.drain()) == [*written, len(written), 1000]


def test_a_line_of_which_nothing_went_out_is_dropped_with_its_request(pipe: Pipe) -> None:
    """Else the trail would tell of a URL that nobody was given."""
    sink = LineSink(pipe.writer)
    written = pipe.fill(sink, select.PIPE_BUF)  # whole lines: nothing is ever half written
    refused_at_once(sink, line(2000))
    seen = pipe.drain()
    sink.write_now(line(1000))
    assert numbers(seen + pipe.drain()) == [*written, 1000]


def test_of_a_request_that_is_refused_no_further_line_is_begun(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    written = pipe.fill(sink)
    refused_at_once(sink, line(2000, LONG), line(2001, LONG))
    seen = pipe.drain()
    sink.write_now(line(1000))
    assert numbers(seen + pipe.drain()) == [*written, len(written), 1000]


@examples(60)
@given(st.lists(st.integers(1, LONG) | st.integers(-20_000, -1), min_size=5, max_size=60))
def test_whatever_is_written_and_read_no_two_lines_are_mixed(steps: list[int]) -> None:
    """A positive step writes so long a line, a negative one reads so many bytes."""
    accepted, seen = [], b""
    with a_pipe() as pipe:
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
        told = numbers(seen + pipe.drain())
    assert told == sorted(set(told))
    assert {*accepted, 10_000} <= set(told)


def test_a_reader_that_is_gone_is_an_outage_and_no_signal(pipe: Pipe) -> None:
    sink = LineSink(pipe.writer)
    sink.write_now(line(1))
    pipe.close_reader()
    for number in range(3):
        assert refused_at_once(sink, line(number)).code == "overloaded"


def test_a_descriptor_that_is_closed_is_an_outage(tmp_path: Path) -> None:
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


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_full_device_is_an_outage() -> None:
    with FULL.open("wb", buffering=0) as full:
        refusal = refused_at_once(LineSink(full.fileno()), line(1))
    assert refusal.retry_after == 1


def test_an_outage_is_logged_once_and_so_is_its_end(
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


def test_a_sink_that_never_failed_says_nothing(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    LineSink(pipe.writer).write_now(line(1))
    assert caplog.records == []


# As `serve` has it, with both streams in one pipe (`2>&1`): what tells of the outage must not wait
# for the very reader that has stopped.
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
            assert process.wait(timeout=60) == 0  # whoever blocks here blocks for ever
        finally:
            process.kill()
