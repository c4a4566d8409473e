"""A request waits briefly for a slow reader: a pipe holds less than a large batch writes."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import pytest

from service.errors import Overloaded
from service.telemetry.line_sink import WAIT_SECONDS, LineSink
from tests.support.late import again_if_late, within

LINES: Final = 70  # of 15 KiB: the largest batch, over 1 MiB


def line(name: str, number: int = 0, length: int = 15_000) -> bytes:
    return json.dumps({"name": name, "number": number, "keys": "k" * length}).encode() + b"\n"


class Reader:
    """Reads a pipe in a thread, with a pause after each piece, until the writer closes it.

    A piece is half a pipe, because on a busy machine each pause is longer than requested.
    """

    def __init__(self, pause: float) -> None:
        self.descriptor, self.writer = os.pipe()
        self.read = bytearray()
        self.pause = pause
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def lines(self) -> list[tuple[str, int]]:
        os.close(self.writer)
        self._thread.join(10)
        lines = [json.loads(each) for each in self.read.splitlines()]
        return [(each["name"], each["number"]) for each in lines]

    def _run(self) -> None:
        while piece := os.read(self.descriptor, 32 * 1024):
            self.read += piece
            time.sleep(self.pause)
        os.close(self.descriptor)


@contextmanager
def open_full_pipe() -> Iterator[tuple[LineSink, int]]:
    reader, writer = os.pipe()
    sink = LineSink(writer)
    try:
        with suppress(Overloaded):
            while True:
                sink.write_now(line("filler"))
        yield sink, reader
    finally:
        os.close(reader)
        os.close(writer)


async def done(written: Awaitable[None] | None) -> None:
    if written is not None:
        await written


async def test_the_largest_batch_is_written_while_the_pipe_is_read() -> None:
    reader = Reader(pause=0.004)
    reader.start()
    sink = LineSink(reader.writer)
    written = sink.write([line("a", number) for number in range(LINES)])
    assert written is not None, "this pipe is too large for the test"
    await written
    assert reader.lines() == [("a", number) for number in range(LINES)]


async def test_small_requests_behind_a_large_one_are_written() -> None:
    reader = Reader(pause=0.004)
    reader.start()
    sink = LineSink(reader.writer)
    large = sink.write([line("large", number) for number in range(LINES)])
    small = [sink.write([line("small", number, 10)]) for number in range(20)]
    await asyncio.gather(done(large), *(done(each) for each in small))
    lines = reader.lines()
    assert [number for name, number in lines if name == "large"] == list(range(LINES))
    assert [number for name, number in lines if name == "small"] == list(range(20))


async def test_a_log_line_does_not_split_a_large_request() -> None:
    reader = Reader(pause=0.002)
    reader.start()
    sink = LineSink(reader.writer)
    writing = asyncio.ensure_future(done(sink.write([line("a", n) for n in range(LINES)])))
    logged = 0
    while not writing.done():
        await asyncio.sleep(0.001)
        try:
            sink.write_now(line("log", logged, 10))
        except Overloaded:
            continue
        logged += 1
    await writing
    assert [number for name, number in reader.lines() if name == "a"] == list(range(LINES))


@again_if_late
async def test_a_stopped_reader_is_awaited_for_a_limited_time() -> None:
    with open_full_pipe() as (sink, _):
        began = time.monotonic()
        with within(WAIT_SECONDS + 2):
            written = sink.write([line("a")])
            assert written is not None
            with pytest.raises(Overloaded):
                await written
        assert time.monotonic() - began >= WAIT_SECONDS


@again_if_late
async def test_many_requests_wait_together_without_blocking_the_loop() -> None:
    with open_full_pipe() as (sink, _):
        with within(WAIT_SECONDS + 2):
            with within(1):
                waiting = [asyncio.ensure_future(done(sink.write([line("a")]))) for _ in range(50)]
                await asyncio.sleep(0.1)
            ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(each) for each in ended} == {Overloaded}


async def test_a_reader_that_closes_during_a_wait_is_an_outage() -> None:
    reader, writer = os.pipe()
    sink = LineSink(writer)
    written = sink.write([line("a", number) for number in range(LINES)])
    assert written is not None
    os.close(reader)
    with pytest.raises(Overloaded):
        await written
    os.close(writer)


def test_a_pipe_can_be_enlarged() -> None:
    reader, writer = os.pipe()
    sink = LineSink(writer)
    sink.enlarge_pipe_buffer()
    for number in range(20):  # 300 KiB
        sink.write_now(line("a", number))
    os.close(reader)
    os.close(writer)


def test_enlarging_something_else_than_a_pipe_does_nothing() -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    sink = LineSink(descriptor)
    sink.enlarge_pipe_buffer()
    sink.write_now(line("a"))
    os.close(descriptor)
