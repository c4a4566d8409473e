"""The reason in a status line, where the app says one."""

from tests.server.house import LIVEZ, Wire

REFUSED = b"GET /refused HTTP/1.1\r\nhost: a\r\n\r\n"
SAID = b"HTTP/1.1 403 No grant of yours covers this bucket, key and operation."
OWN = b"HTTP/1.1 200 OK"


def status_lines(wire: Wire, *requests: bytes) -> list[bytes]:
    wire.send(b"".join(requests))
    lines = []
    for _ in requests:
        while b"\r\n" not in wire._unread:
            wire._read()
        lines.append(bytes(wire._unread).partition(b"\r\n")[0])
        wire.answer()
    return lines


def test_a_reason_is_said_once_and_of_the_answer_that_it_belongs_to(wire: Wire) -> None:
    assert status_lines(wire, LIVEZ, REFUSED, LIVEZ, REFUSED, LIVEZ) == [OWN, SAID, OWN, SAID, OWN]


def test_one_request_after_another_is_answered_so_too(wire: Wire) -> None:
    for request, line in ((REFUSED, SAID), (LIVEZ, OWN), (REFUSED, SAID)):
        assert status_lines(wire, request) == [line]
