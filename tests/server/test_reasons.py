"""The reason phrase in the status line, if the app sets one."""

import pytest

from tests.support.socket_server import LIVEZ, RawClient

REFUSED = b"GET /refused HTTP/1.1\r\nhost: a\r\n\r\n"
FORBIDDEN = b"403 You have no grant for this bucket, key and operation."


def status_line(client: RawClient) -> bytes:
    """Without the version."""
    while b"\r\n" not in client._unread:
        client._read()
    line = bytes(client._unread).partition(b"\r\n")[0]
    client.answer()
    return line.removeprefix(b"HTTP/1.1 ")


@pytest.mark.parametrize("pipelined", [True, False])
def test_a_reason_belongs_to_one_response(client: RawClient, pipelined: bool) -> None:
    requests = [LIVEZ, REFUSED, LIVEZ, REFUSED, REFUSED, LIVEZ]
    expected = [FORBIDDEN if request == REFUSED else b"200 OK" for request in requests]
    if pipelined:
        client.send(b"".join(requests))
        assert [status_line(client) for _ in requests] == expected
    else:
        for request, line in zip(requests, expected, strict=True):
            client.send(request)
            assert status_line(client) == line


@pytest.mark.parametrize("ends", [b"", b"connection: close\r\n"], ids=["stays", "close"])
def test_a_reason_of_two_lines_is_not_sent(client: RawClient, ends: bytes) -> None:
    client.send(b"GET /refused-in-two-lines HTTP/1.1\r\nhost: a\r\n" + ends + b"\r\n")
    assert status_line(client) == b"403 Forbidden"


@pytest.mark.parametrize(
    "request_",
    [REFUSED.replace(b"HTTP/1.1", b"HTTP/1.0"), REFUSED.replace(b"host: a", b"connection: close")],
    ids=["HTTP/1.0", "close"],
)
def test_a_last_response_has_its_reason(client: RawClient, request_: bytes) -> None:
    """By default nginx requests `connection: close`."""
    client.send(request_)
    assert status_line(client) == FORBIDDEN
    assert client.ends()
