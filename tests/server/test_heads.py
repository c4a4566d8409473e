"""The maximum size of a head, in one chunk or many."""

import json
import socket
import time

import pytest

from service.server.limits import ConnectionLimits
from tests.support.socket_server import LIVEZ, RawClient, make_post, run_server

LIMIT = ConnectionLimits().head_bytes
MIB = 1024 * 1024
START = b"GET /livez HTTP/1.1\r\nhost: a\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

TOO_LARGE = {
    "one header": START + b"x: " + b"a" * MIB + b"\r\n\r\n",
    "one header's name": START + b"a" * MIB + b": x\r\n\r\n",
    "one header just too long": START + b"x: " + b"a" * LIMIT + b"\r\n\r\n",
    "a thousand headers": START
    + b"".join(b"x-%04d: 0123456789\r\n" % i for i in range(1000))
    + b"\r\n",
    "empty headers": START + b"a:\r\n" * 5000 + b"\r\n",
    "the path": b"GET /" + b"a" * MIB + b" HTTP/1.1\r\n\r\n",
    "the query": b"GET /livez?" + b"a" * LIMIT + b" HTTP/1.1\r\n\r\n",
    "a header that never ends": START + b"x: " + b"a" * MIB,
    "a path that never ends": b"GET /" + b"a" * MIB,
    "a trailer": CHUNKED % b"/echo" + b"0\r\nx: " + b"a" * MIB + b"\r\n\r\n",
    "a trailer that never ends": CHUNKED % b"/echo" + b"1\r\na\r\n0\r\nx: " + b"a" * MIB,
    "many trailers": CHUNKED % b"/echo" + b"0\r\n" + b"x: 0123456789\r\n" * 3000 + b"\r\n",
}


@pytest.mark.parametrize("size_of_chunk", [2 * MIB, 1000], ids=["one", "many"])
@pytest.mark.parametrize("request_", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_large_head_is_refused_and_its_sender_sees_it(
    client: RawClient, request_: bytes, size_of_chunk: int
) -> None:
    """The client reads only after sending everything, as many do."""
    for at in range(0, len(request_), size_of_chunk):
        client.send(request_[at : at + size_of_chunk])
    answer = client.answer()
    assert (answer.status, answer.code) == (431, "headers_too_large")
    assert answer.headers["connection"] == "close"
    assert client.ends()


@pytest.mark.parametrize("size_of_chunk", [2 * MIB, 1000], ids=["one", "many"])
@pytest.mark.parametrize("size", [8 * 1024, LIMIT - 100])
def test_a_large_token_is_accepted(client: RawClient, size: int, size_of_chunk: int) -> None:
    request = START + b"authorization: Bearer " + b"a" * size + b"\r\n\r\n"
    for _ in range(2):
        for at in range(0, len(request), size_of_chunk):
            client.send(request[at : at + size_of_chunk])
            time.sleep(0.001)
        assert client.answer().status == 200


def test_a_large_body_does_not_count_towards_the_next_head(client: RawClient) -> None:
    body = b"x" * 60 * 1024
    for _ in range(3):
        assert client.request(make_post("/echo", body) + LIVEZ[:20]).body == b'"%s"' % body
        assert client.request(LIVEZ[20:]).status == 200


def test_chunks_do_not_count_as_a_head() -> None:
    with run_server(head_bytes=100) as server, server.connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.send(CHUNKED % b"/echo")
        for _ in range(60):
            for piece in (b"1\r\n", b"a\r\n"):
                client.send(piece)
                time.sleep(0.001)
        assert client.request(b"0\r\n\r\n").body == b'"%s"' % (b"a" * 60)


def test_a_trailer_is_no_header(client: RawClient) -> None:
    client.send(CHUNKED % b"/headers" + b"1\r\na\r\n0\r\nx-request-id: evil\r\n\r\n")
    assert json.loads(client.answer().body) == ["host", "transfer-encoding"]
    assert client.request(LIVEZ).status == 200
