"""One request and its response. A complete response is sent with a single write.

uvicorn writes the head and the body separately: two system calls, and each may wake the client.
Here the head waits for what follows it. Responses in several pieces, and other unusual ones, are
left to uvicorn.

A/B, the server's CPU for a GET over HTTP, 8 connections, each response written by itself: 95 µs;
103 µs with uvicorn's two writes.

A client that waits for `100 Continue` may send its body or not once it has the response (RFC 9110,
10.1.1). So a response that begins before the app has asked for the body ends the connection.

An app may set `reason` in `http.response.start`, which ASGI does not have: it replaces the standard
reason phrase in the status line (RFC 9112, 4).
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

from starlette.types import Scope
from uvicorn._types import (
    ASGIReceiveEvent,
    ASGISendEvent,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
)
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.api.request_state import not_received
from service.server.transport import CoalescingTransport

_MAX_COPIED: Final = 16 * 1024  # bytes; a larger body is not copied to join it with the head
# A header must contain no control character but tab, or it could end a line (RFC 9110, 5.5).
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 9110, 5.6.2, in lower case
_NAME_BYTES: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_UNUSUAL: Final = frozenset({b"connection", b"transfer-encoding"})
_BODILESS: Final = frozenset({204, 304})


class RequestResponse(RequestResponseCycle):
    _pending_start: HTTPResponseStartEvent | None = None

    _is_body_read = False

    async def receive(self) -> ASGIReceiveEvent:
        """Wait for nothing if the whole body has arrived. uvicorn waits for an event even then."""
        if (
            self.more_body
            or self._is_body_read
            or self.disconnected
            or self.response_complete
            or self.waiting_for_100_continue
        ):
            return await super().receive()
        self._is_body_read = True
        self.message_event.clear()
        self.flow.resume_reading()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            if self.waiting_for_100_continue and self.more_body:
                self.keep_alive = self.waiting_for_100_continue = False
            self._pending_start = message
            self.response_started = True
            return
        start, self._pending_start = self._pending_start, None
        scope, transport = cast("Scope", self.scope), cast("Any", self.transport)  # ours
        try:
            if self.flow.write_paused and not self.disconnected:
                await self.flow.drain()
            if self.disconnected or transport.is_closed():
                self.disconnected = True
                not_received(scope)
            elif (
                start is not None
                and message["type"] == "http.response.body"
                and (head := self._simple_head(start, message)) is not None
            ):
                self._write(head, message.get("body", b""))
            else:
                if start is not None:
                    await self._send_start(start)
                await super().send(message)
        except BaseException:
            not_received(scope)
            raise

    def _write(self, head: bytes, body: bytes) -> None:
        transport = cast("CoalescingTransport", self.transport)
        transport.queue_write([head + body] if len(body) < _MAX_COPIED else [head, body])
        self.waiting_for_100_continue = False
        self.response_complete = True
        self.message_event.set()
        self.on_response()

    async def _send_start(self, start: HTTPResponseStartEvent) -> None:
        """Let uvicorn write the head, with the app's reason phrase."""
        self.response_started = False
        transport, reason = self.transport, _reason(start)
        if reason is not None:
            self.transport = cast("asyncio.Transport", _ReasonWriter(transport.write, reason))
        try:
            await super().send(start)
        finally:
            self.transport = transport

    def _simple_head(
        self, start: HTTPResponseStartEvent, end: HTTPResponseBodyEvent
    ) -> bytes | None:
        """The head, if the response is complete and leaves the connection open; else None.

        None also for headers that uvicorn has to change or refuse.
        """
        status, headers = start["status"], [*self.default_headers, *start.get("headers", ())]
        if (
            not self.keep_alive
            or end.get("more_body", False)
            or self.scope["method"] == "HEAD"
            or status in _BODILESS
            or (b"content-length", b"%d" % len(end.get("body", b""))) not in headers
        ):
            return None
        names, values = zip(*headers, strict=True)
        template = _template(names)
        if template is None or _CONTROLS.search(b"".join(values)) is not None:
            return None
        reason = _reason(start)
        line = STATUS_LINE[status] if reason is None else b"HTTP/1.1 %d %b\r\n" % (status, reason)
        return line + template % values


@lru_cache(maxsize=64)
def _template(names: tuple[bytes, ...]) -> bytes | None:
    """Return the lines of headers with these names, with `%b` for each value.

    None if uvicorn has to change or refuse one of them. The names are those of our own code, so
    there are few.
    """
    if not _UNUSUAL.isdisjoint(names) or b"".join(names).translate(None, _NAME_BYTES):
        return None
    return b"".join([b"%b: %%b\r\n" % name.replace(b"%", b"%%") for name in names]) + b"\r\n"


@dataclass(frozen=True, slots=True)
class _ReasonWriter:
    """Takes the head that uvicorn writes, and replaces its reason phrase."""

    send: Callable[[bytes], None]
    reason: bytes

    def write(self, head: bytes) -> None:
        status_line, _, rest = head.partition(b"\r\n")
        version, status, _ = status_line.split(b" ", 2)
        self.send(b"%b %b %b\r\n%b" % (version, status, self.reason, rest))


def _reason(start: HTTPResponseStartEvent) -> bytes | None:
    """Return the app's reason phrase, unless a control character in it could end the line."""
    reason: bytes | None = start.get("reason")  # type: ignore[assignment]  # ASGI has none
    return None if reason is None or _CONTROLS.search(reason) is not None else reason
