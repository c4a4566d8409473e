"""How long a head may be, however it comes."""

import json
import socket
import time

import pytest

from service.server.limits import ConnectionLimits
from tests.server.house import LIVEZ, CoalescingTransport, bounds, post, serving

LIMIT = ConnectionLimits().head_bytes
MIB = 1024 * 1024
START = b"GET /livez HTTP/1.1\r\nhost: a\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

TOO_LARGE = {
    "one header": START + b"x: " + b"a" * MIB + b"\r\n\r\n",
    "one header's name": START + b"a" * MIB + b": x\r\n\r\n",
    "just one header too much": START + b"x: " + b"a" * LIMIT + b"\r\n\r\n",
    "a thousand headers": START
    + b"".join(b"x-%04d: 0123456789\r\n" % i for i in range(1000))
    + b"\r\n",
    "headers of nothing": START + b"a:\r\n" * 5000 + b"\r\n",
    "the address": b"GET /" + b"a" * MIB + b" HTTP/1.1\r\n\r\n",
    "the query": b"GET /livez?" + b"a" * LIMIT + b" HTTP/1.1\r\n\r\n",
    "a header that never ends": START + b"x: " + b"a" * MIB,
    "an address that never ends": b"GET /" + b"a" * MIB,
    "a trailer": CHUNKED % b"/echo" + b"0\r\nx: " + b"a" * MIB + b"\r\n\r\n",
    "a trailer that never ends": CHUNKED % b"/echo" + b"1\r\na\r\n0\r\nx: " + b"a" * MIB,
    "many trailers": CHUNKED % b"/echo" + b"0\r\n" + b"x: 0123456789\r\n" * 3000 + b"\r\n",
}


@pytest.mark.parametrize("piece", [2 * MIB, 1000], ids=["one_piece", "many_pieces"])
@pytest.mark.parametrize("request_", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_head_that_is_too_large_is_refused_and_its_sender_sees_it(
    wire: CoalescingTransport, request_: bytes, piece: int
) -> None:
    """Nothing is read before all is sent, as many clients do it."""
    for at in range(0, len(request_), piece):
        wire.send(request_[at : at + piece])
    answer = wire.answer()
    assert (answer.status, answer.code) == (431, "headers_too_large")
    assert answer.headers["connection"] == "close"
    assert wire.ends()


@pytest.mark.parametrize("piece", [2 * MIB, 1000], ids=["one_piece", "many_pieces"])
@pytest.mark.parametrize("size", [8 * 1024, LIMIT - 100])
def test_a_large_token_passes(wire: CoalescingTransport, size: int, piece: int) -> None:
    request = START + b"authorization: Bearer " + b"a" * size + b"\r\n\r\n"
    for _ in range(2):
        for at in range(0, len(request), piece):
            wire.send(request[at : at + piece])
            time.sleep(0.001)
        assert wire.answer().status == 200


def test_what_follows_a_large_body_is_not_counted_with_it(wire: CoalescingTransport) -> None:
    body = b"x" * 60 * 1024
    for _ in range(3):
        wire.send(post("/echo", body) + LIVEZ[:20])
        assert wire.answer().body == b'"%s"' % body
        wire.send(LIVEZ[20:])
        assert wire.answer().status == 200


def test_a_chunked_body_is_not_counted_as_a_head() -> None:
    with serving(bounds(head_bytes=100)) as house, house.connect() as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.send(CHUNKED % b"/echo")
        for _ in range(60):
            for piece in (b"1\r\n", b"a\r\n"):
                wire.send(piece)
                time.sleep(0.001)
        wire.send(b"0\r\n\r\n")
        assert wire.answer().body == b'"%s"' % (b"a" * 60)


def test_a_trailer_does_not_pass_for_a_header(wire: CoalescingTransport) -> None:
    wire.send(CHUNKED % b"/headers" + b"1\r\na\r\n0\r\nx-request-id: evil\r\n\r\n")
    assert json.loads(wire.answer().body) == ["host", "transfer-encoding"]
    wire.send(LIVEZ)
    assert wire.answer().status == 200
