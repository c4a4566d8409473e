"""A request waits briefly for a slow reader: a pipe holds less than a large batch writes."""

import asyncio
import os
import time
from collections.abc import Awaitable
from typing import Final

import pytest

from service.errors import Overloaded
from service.telemetry.line_sink import WAIT_SECONDS, LineSink
from tests.support.late import again_if_late, within
from tests.telemetry.pipes import line, open_pipe, slow_reader

COUNT: Final = 70
LARGEST: Final = [line(number, 15_000) for number in range(COUNT)]  # the largest batch, over 1 MiB


async def done(written: Awaitable[None] | None) -> None:
    if written is not None:
        await written


async def test_the_largest_batch_is_written_while_the_pipe_is_read() -> None:
    with slow_reader(0.004) as (sink, seen):
        written = sink.write(LARGEST)
        assert written is not None, "this pipe is too large for the test"
        await written
    assert seen == list(range(COUNT))


async def test_small_requests_behind_a_large_one_are_written() -> None:
    small = list(range(COUNT, COUNT + 20))
    with slow_reader(0.004) as (sink, seen):
        requests = [LARGEST, *([line(number)] for number in small)]
        written = [sink.write(lines) for lines in requests]
        await asyncio.gather(*map(done, written))
    assert [number for number in seen if number < COUNT] == list(range(COUNT))
    assert [number for number in seen if number >= COUNT] == small


async def test_a_log_line_does_not_split_a_large_request() -> None:
    with slow_reader(0.002) as (sink, seen):
        writing = asyncio.ensure_future(done(sink.write(LARGEST)))
        logged = COUNT
        while not writing.done():
            await asyncio.sleep(0.001)
            try:
                sink.write_now(line(logged))
            except Overloaded:
                continue
            logged += 1
        await writing
    assert [number for number in seen if number < COUNT] == list(range(COUNT))


@again_if_late
async def test_a_stopped_reader_is_awaited_for_a_limited_time() -> None:
    with open_pipe() as pipe:
        sink = LineSink(pipe.writer)
        pipe.fill(sink)
        began = time.monotonic()
        with within(WAIT_SECONDS + 2):
            written = sink.write([line(1)])
            assert written is not None
            with pytest.raises(Overloaded):
                await written
        assert time.monotonic() - began >= WAIT_SECONDS


@again_if_late
async def test_many_requests_wait_together_without_blocking_the_loop() -> None:
    with open_pipe() as pipe:
        sink = LineSink(pipe.writer)
        pipe.fill(sink)
        with within(WAIT_SECONDS + 2):
            with within(1):
                waiting = [asyncio.ensure_future(done(sink.write([line(1)]))) for _ in range(50)]
                await asyncio.sleep(0.1)
            ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(each) for each in ended} == {Overloaded}


async def test_a_reader_that_closes_during_a_wait_is_an_outage() -> None:
    with open_pipe() as pipe:
        written = LineSink(pipe.writer).write(LARGEST)
        assert written is not None
        pipe.close_reader()
        with pytest.raises(Overloaded):
            await written


def test_a_pipe_can_be_enlarged() -> None:
    with open_pipe() as pipe:
        sink = LineSink(pipe.writer)
        sink.enlarge_pipe_buffer()
        for each in LARGEST[:20]:  # 300 KiB
            sink.write_now(each)


def test_enlarging_something_else_than_a_pipe_does_nothing() -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    sink = LineSink(descriptor)
    sink.enlarge_pipe_buffer()
    sink.write_now(line(1))
    os.close(descriptor)
