"""Reads the body of a request that asks to upgrade, which httptools leaves unread.

presign never upgrades, and answers as if the client had not asked (RFC 9110, 7.8): Java's own
client asks for HTTP/2 on every plain connection. But httptools calls such a request complete at the
end of its head and would take the body for the next request. So a second parser reads the body.

Nothing after the body is reported, since the connection ends with the response.
"""

from typing import Any, Final

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class BodyCallbacks:
    """For a parser that is fed with `framing_head` and the body. `protocol` gets the callbacks."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._is_complete = False

    def on_body(self, body: bytes) -> None:
        if not self._is_complete:
            self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_complete:
            self._is_complete = True
            self._protocol.on_message_complete()


def framing_head(headers: list[tuple[bytes, bytes]]) -> bytes:
    """A head that only says how long the body is. Names of `headers` are in lower case."""
    lines = [b"%b: %b\r\n" % header for header in headers if header[0] in _FRAMING]
    return b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(lines)
