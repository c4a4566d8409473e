"""What is posted goes out together, in its order, and whatever becomes of the connection."""

import asyncio
from typing import Any

from service.server.transport import CoalescingTransport, WriteBatcher
from tests.server.house import LIVEZ, serving


class Transport:
    """Notes what it is told to do; where it is closing, it takes nothing more."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told
        self.closing = False
        self.get_extra_info = self.pause_reading = self.resume_reading = lambda *_: None

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.told.append(data)

    def writelines(self, pieces: list[bytes]) -> None:
        self.write(b"".join(pieces))

    def get_write_buffer_size(self) -> int:
        return 0

    def write_eof(self) -> None:
        self.told.append("eof")

    def close(self) -> None:
        self.told.append("close")

    abort = close


def a_wire(batcher: WriteBatcher) -> tuple[CoalescingTransport, list[Any]]:
    told: list[Any] = []
    return CoalescingTransport(Transport(told), batcher), told  # type: ignore[arg-type] # all of it that is used


async def test_what_is_posted_in_a_turn_goes_out_at_its_end() -> None:
    batcher = WriteBatcher()
    wires = [a_wire(batcher) for _ in range(3)]
    for wire, _ in wires:
        wire.queue_write([b"a", b"b"])
        wire.queue_write([b"c"])
        assert wire.get_write_buffer_size() == 3
    assert [told for _, told in wires] == [[], [], []]
    await asyncio.sleep(0)
    assert [told for _, told in wires] == [[b"abc"]] * 3


async def test_nobody_waits_for_more_than_some_others() -> None:
    batcher = WriteBatcher()
    wires = [a_wire(batcher) for _ in range(17)]
    for wire, _ in wires:
        wire.queue_write([b"a"])
    assert [told for _, told in wires] == [[b"a"]] * 16 + [[]]


async def test_what_is_posted_goes_before_whatever_follows() -> None:
    wire, told = a_wire(WriteBatcher())
    wire.queue_write([b"a"])
    wire.write(b"w")
    wire.queue_write([b"a"])
    wire.write_eof()
    wire.queue_write([b"too late"])
    wire.close()
    await asyncio.sleep(0)
    assert told == [b"a", b"w", b"a", "eof", "close"]


async def test_nothing_is_written_to_a_connection_that_is_over() -> None:
    wire, told = a_wire(WriteBatcher())
    wire.queue_write([b"a"])
    wire.abort()
    await asyncio.sleep(0)
    assert told == ["close"]
    wire, told = a_wire(WriteBatcher())
    wire.queue_write([b"a"])
    wire._transport.closing = True  # type: ignore[attr-defined]  # a fake has it
    await asyncio.sleep(0)
    assert told == []


def test_answers_of_either_way_keep_their_order_on_a_connection() -> None:
    last = LIVEZ.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    with serving() as house, house.connect() as wire:
        wire.send(LIVEZ + LIVEZ + b"GET /sized/40000 HTTP/1.1\r\nhost: a\r\n\r\n" + LIVEZ + last)
        sizes = [len(wire.answer().body) for _ in range(5)]
        assert sizes[2] == 40_002
        assert len(set(sizes[:2] + sizes[3:])) == 1
        assert wire.ends()
