"""The body of a request that asks to upgrade, which httptools leaves unread.

We take no upgrade, and who asks is answered as if it had not (RFC 9110, 7.8): Java's own client asks so on
every plain connection. But httptools calls such a request complete at the end of its head, body or not, and
would read the body as the next request. So another parser reads it, framed as its head says.

Nothing after the body is told of, since the connection ends with the answer.
"""

from typing import Final, Protocol

import httptools

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class _Reader(Protocol):
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


class _BodyAlone:
    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._is_over = False

    def on_body(self, body: bytes) -> None:
        if not self._is_over:
            self._reader.on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._reader.on_message_complete()


def body_parser(reader: _Reader) -> httptools.HttpRequestParser:
    """To be fed with `framing` first."""
    return httptools.HttpRequestParser(_BodyAlone(reader))


def framing(headers: list[tuple[bytes, bytes]]) -> bytes:
    """A head that says no more than how long the body is; names are in lower case."""
    lines = [b"%b: %b\r\n" % header for header in headers if header[0] in _FRAMING]
    return b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(lines)
