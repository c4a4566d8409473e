"""The reason in a status line, where the app says one."""

import pytest

from tests.server.house import LIVEZ, CoalescingTransport

REFUSED = b"GET /refused HTTP/1.1\r\nhost: a\r\n\r\n"
SAID = b"403 You have no grant for this bucket, key and operation."


def status_line(wire: CoalescingTransport) -> bytes:
    """Without its version."""
    while b"\r\n" not in wire._unread:
        wire._read()
    line = bytes(wire._unread).partition(b"\r\n")[0]
    wire.answer()
    return line.removeprefix(b"HTTP/1.1 ")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_reason_is_said_of_the_answer_that_it_belongs_to(
    wire: CoalescingTransport, at_once: bool
) -> None:
    requests = [LIVEZ, REFUSED, LIVEZ, REFUSED, REFUSED, LIVEZ]
    expected = [SAID if request == REFUSED else b"200 OK" for request in requests]
    if at_once:
        wire.send(b"".join(requests))
        assert [status_line(wire) for _ in requests] == expected
    else:
        for request, line in zip(requests, expected, strict=True):
            wire.send(request)
            assert status_line(wire) == line


@pytest.mark.parametrize(
    "request_",
    [REFUSED.replace(b"HTTP/1.1", b"HTTP/1.0"), REFUSED.replace(b"host: a", b"connection: close")],
    ids=["HTTP/1.0", "close"],
)
def test_a_reason_is_said_where_the_connection_ends_with_it(
    wire: CoalescingTransport, request_: bytes
) -> None:
    """As nginx asks, unless it is told otherwise."""
    wire.send(request_)
    assert status_line(wire) == SAID
    assert wire.ends()
