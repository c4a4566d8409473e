"""One request and its answer, which is sent in one piece where it is known as a whole.

uvicorn writes a head as soon as it is told of it, and the body after it: two system calls, and each may
wake the client. So here a head waits for what follows it; and only an answer that comes in pieces, or
is in some other way out of the ordinary, is left to uvicorn.

A `reason` in `http.response.start`, of which ASGI knows nothing, stands in the status line in place of
the status's own name (RFC 9112, 4).
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from uvicorn._types import ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.server.transport import CoalescingTransport

_LARGE: Final = 16 * 1024  # bytes of a body that are not worth a copy
# No two lines of a head end elsewhere than the other does, nor is a control but a tab in one (RFC 9110, 5.5).
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NAME_BYTES: Final = (
    b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"  # RFC 9110, 5.6.2, in lower case
)
_UNUSUAL: Final = frozenset({b"connection", b"transfer-encoding"})
_BODILESS: Final = frozenset({204, 304})


class RequestResponse(RequestResponseCycle):
    _held: HTTPResponseStartEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            self._held = message
            self.response_started = True
            return
        if self._held is None:
            await super().send(message)
            return
        start, self._held = self._held, None
        if message["type"] == "http.response.body" and (head := self._head(start, message)):
            await self._answer(head, message.get("body", b""))
            return
        self.response_started = False
        wire, reason = self.transport, _reason(start)
        if reason is not None:
            self.transport = cast("asyncio.Transport", _Reasoned(wire.write, reason))
        try:
            await super().send(start)
        finally:
            self.transport = wire
        await super().send(message)

    async def _answer(self, head: bytes, body: bytes) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        wire = cast("CoalescingTransport", self.transport)
        wire.post([head + body] if len(body) < _LARGE else [head, body])
        self.waiting_for_100_continue = False
        self.response_complete = True
        self.message_event.set()
        self.on_response()

    def _head(self, start: HTTPResponseStartEvent, end: HTTPResponseBodyEvent) -> bytes | None:
        """The head of an ordinary answer, which is whole and after which the connection goes on."""
        status, headers = start["status"], [*self.default_headers, *start.get("headers", ())]
        named = dict(headers)
        ordinary = (
            self.keep_alive
            and not end.get("more_body", False)
            and self.scope["method"] != "HEAD"
            and status not in _BODILESS
            and named.get(b"content-length") == b"%d" % len(end.get("body", b""))
            and _UNUSUAL.isdisjoint(named)
            and not b"".join(named).translate(
                None, _NAME_BYTES
            )  # uvicorn lowers or refuses such names
        )
        return _rendered(status, headers, _reason(start)) if ordinary else None


@dataclass(frozen=True, slots=True)
class _Reasoned:
    """What uvicorn writes a head to."""

    send: Callable[[bytes], None]
    reason: bytes

    def write(self, head: bytes) -> None:
        status_line, _, rest = head.partition(b"\r\n")
        self.send(b"%b %b\r\n%b" % (b" ".join(status_line.split(b" ")[:2]), self.reason, rest))


def _reason(start: HTTPResponseStartEvent) -> bytes | None:
    reason: bytes | None = cast("dict[str, Any]", start).get("reason")
    return reason


def _rendered(
    status: int, headers: Sequence[tuple[bytes, bytes]], reason: bytes | None
) -> bytes | None:
    """None where a header is not as it must be, which uvicorn has the words for."""
    lines = [b"%b: %b" % header for header in headers]
    if _CONTROLS.search(b"".join(lines)) is not None:
        return None
    line = STATUS_LINE[status] if reason is None else b"HTTP/1.1 %d %b\r\n" % (status, reason)
    return b"%b%b\r\n\r\n" % (line, b"\r\n".join(lines))
