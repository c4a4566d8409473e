"""Queued writes are sent together and in order, whatever becomes of the connection."""

import asyncio
from typing import Any

from service.server.transport import CoalescingTransport, WriteBatcher
from tests.support.socket_server import LIVEZ, run_server


class FakeTransport:
    """Records its calls. Nothing may be written once `closing` is set."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.closing = False
        self.get_extra_info = self.pause_reading = self.resume_reading = lambda *_: None

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.calls.append(data)

    def writelines(self, pieces: list[bytes]) -> None:
        self.write(b"".join(pieces))

    def get_write_buffer_size(self) -> int:
        return 0

    def write_eof(self) -> None:
        self.calls.append("eof")

    def close(self) -> None:
        self.calls.append("close")

    abort = close


def coalescing(batcher: WriteBatcher | None = None) -> tuple[CoalescingTransport, FakeTransport]:
    fake = FakeTransport()
    return CoalescingTransport(fake, batcher or WriteBatcher()), fake  # type: ignore[arg-type]


async def test_queued_writes_are_sent_once_nothing_else_is_ready() -> None:
    batcher = WriteBatcher()
    pairs = [coalescing(batcher) for _ in range(3)]
    for transport, _ in pairs:
        transport.queue_write([b"a", b"b"])
        transport.queue_write([b"c"])
        assert transport.get_write_buffer_size() == 3
    assert [fake.calls for _, fake in pairs] == [[], [], []]
    await asyncio.sleep(0)
    assert [fake.calls for _, fake in pairs] == [[b"abc"]] * 3


async def test_the_first_of_many_responses_does_not_wait_for_all() -> None:
    batcher = WriteBatcher()
    pairs = [coalescing(batcher) for _ in range(17)]
    for transport, _ in pairs:
        transport.queue_write([b"a"])
    assert [fake.calls for _, fake in pairs] == [[b"a"]] * 16 + [[]]


async def test_queued_writes_precede_any_other_call() -> None:
    transport, fake = coalescing()
    transport.queue_write([b"a"])
    transport.write(b"w")
    transport.queue_write([b"a"])
    transport.write_eof()
    transport.queue_write([b"too late"])
    transport.close()
    await asyncio.sleep(0)
    assert fake.calls == [b"a", b"w", b"a", "eof", "close"]


async def test_nothing_is_written_to_a_closed_connection() -> None:
    aborted, fake = coalescing()
    aborted.queue_write([b"a"])
    aborted.abort()
    await asyncio.sleep(0)
    assert fake.calls == ["close"]
    lost, fake = coalescing()
    lost.queue_write([b"a"])
    fake.closing = True
    await asyncio.sleep(0)
    assert fake.calls == []


def test_queued_and_direct_responses_keep_their_order() -> None:
    last = LIVEZ.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    with run_server() as server, server.connect() as client:
        client.send(LIVEZ + LIVEZ + b"GET /sized/40000 HTTP/1.1\r\nhost: a\r\n\r\n" + LIVEZ + last)
        sizes = [len(client.answer().body) for _ in range(5)]
        assert sizes[2] == 40_002
        assert len(set(sizes[:2] + sizes[3:])) == 1
        assert client.ends()
