"""Pipes with a slow reader, with none, and with one that has gone; and lines for them."""

import json
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from service.errors import Overloaded
from service.telemetry.line_sink import LineSink

CUT: Final = 10_000  # three pages, and no pipe holds a multiple: the last line is cut


def line(number: int, length: int = 0) -> bytes:
    """Return a line of at least `length` bytes."""
    bare = len(json.dumps({"number": number, "keys": ""})) + 1
    return json.dumps({"number": number, "keys": "k" * (length - bare)}).encode() + b"\n"


def numbers(written: bytes) -> list[int]:
    """Return the numbers of the lines. Lines that are mixed would be invalid JSON."""
    assert written == b"" or written.endswith(b"\n")
    return [json.loads(each)["number"] for each in written.splitlines()]


class Pipe:
    """A pipe that blocks, as standard output does. Nothing reads it until `drain`."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def drain(self, at_most: int = 1 << 20) -> bytes:
        """Read what is in the pipe, up to `at_most` bytes."""
        read = b""
        while len(read) < at_most and select.select([self.reader], [], [], 0)[0]:
            read += os.read(self.reader, at_most - len(read))
        return read

    def fill(self, sink: LineSink, length: int = CUT) -> list[int]:
        """Write until a line is refused. Return the numbers of the lines before it."""
        for number in range(10_000):
            try:
                sink.write_now(line(number, length))
            except Overloaded:
                return list(range(number))
        raise AssertionError("a pipe without a reader takes everything")

    def close_reader(self) -> None:
        os.close(self.reader)
        self.reader = -1


@contextmanager
def open_pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    try:
        yield pipe
    finally:
        os.close(pipe.writer)
        if pipe.reader >= 0:
            pipe.close_reader()


@contextmanager
def broken_pipe() -> Iterator[LineSink]:
    """A sink whose reader has gone."""
    with open_pipe() as pipe:
        pipe.close_reader()
        yield LineSink(pipe.writer)


@contextmanager
def slow_reader(pause: float) -> Iterator[tuple[LineSink, list[int]]]:
    """A sink, and the numbers of its lines, which are there once the block has ended.

    A thread reads half a pipe at a time: on a busy machine each pause is longer than requested.
    """
    reader, writer = os.pipe()
    read, seen = bytearray(), list[int]()

    def run() -> None:
        while piece := os.read(reader, 32 * 1024):
            read.extend(piece)
            time.sleep(pause)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield LineSink(writer), seen
    finally:
        os.close(writer)
        thread.join(10)
        os.close(reader)
    seen += numbers(bytes(read))
