"""HTTP/1.1 with deadlines and bounds, which uvicorn alone has not.

Left alone, uvicorn waits for ever for the rest of a head or a body, and takes a head of any length.
Theory of operation:
- A message is idle, in its head or in its body. Whatever is not over when a chunk of bytes has been
  read gets one deadline for all of that phase, so that a byte now and then does not put it off; a
  request that comes in one piece, as nearly all do, costs no timer at all.
- What the parser keeps though it has not told of it is counted: a single header, or a trailer.
- A connection on which the client still sends is ended as RFC 9112, 9.6 has it: we stop writing,
  read on for a while, and close then. Closed at once, the kernel would answer what still comes with
  a reset, and that can take the answer away before the client has read it.
- Refusals keep their place: they never overtake the answer to an earlier request.
"""

import asyncio
import sys
from enum import Enum, auto
from typing import Any, Final, cast

import httptools

from service.server.error_response import refusal
from service.server.limits import ConnectionLimits
from service.server.shutdown import Drain
from service.server.transport import CoalescingTransport, WriteBatcher
from service.server.upgrade_body import body_parser, framing
from service.server.uvicorn_protocol import FastHttpProtocol


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()


_TIMEOUTS: Final = {
    _Phase.HEAD: ("request_timeout", "The head of the request did not come in time."),
    _Phase.BODY: ("request_timeout", "The body of the request did not come in time."),
}
_LAST_LOOK: Final = 0.001  # seconds: the loop runs what is due before it reads, so once more
_SEPARATORS: Final = len(b": \r\n")  # of a header, which the parser leaves out


class TimeoutProtocol(FastHttpProtocol):
    def __init__(
        self, *, bounds: ConnectionLimits, drain: Drain, outbox: WriteBatcher, **uvicorns: Any
    ) -> None:
        super().__init__(**uvicorns)
        self._bounds = bounds
        self._outbox = outbox
        self._drain = drain
        self._phase = _Phase.IDLE
        self._messages = 0
        self._has_advanced = False  # a message was begun or a piece of a body told of
        self._parsed = self._fed = 0  # bytes of the head, or of what is kept like one
        self._unread_from = 0  # in a piece that the parser stopped within
        self._watched = (_Phase.IDLE, 0)
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._refusal = ("malformed_request", "This is not HTTP/1.1.")
        self._is_deaf = False  # what still comes is read and dropped
        self._is_closing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        self._wire = CoalescingTransport(transport, self._outbox)
        super().connection_made(cast("asyncio.Transport", _Transport(self._wire, self)))
        self._arm(self._bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closing = self._is_deaf = True
        self._disarm()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            self._pause_for_a_turn()
            return
        self._has_advanced = False
        super().data_received(data)
        if self._unread_from:
            self._read_on(data)
        self._account_for(len(data))

    def eof_received(self) -> None:
        """The loop closes the transport after it, so what is unwritten needs its deadline."""
        self._finish()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = _Phase.HEAD
        self._parsed = self._fed = 0
        self._messages += 1
        self._has_advanced = True

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._bound(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._parsed += len(name) + len(value) + _SEPARATORS
        if self._parsed > self._bounds.head_bytes:
            self._bound(0)
        if self._phase is _Phase.HEAD:  # a trailer must not pass for a header
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= self._bounds.pipelined:
            raise httptools.HttpParserError
        super().on_headers_complete()
        self._phase = _Phase.BODY
        # The client's next request goes to another replica. And after a request to upgrade, only
        # its body is read.
        if self._drain.has_begun or self.parser.should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        self._has_advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # it has not looked at the body
        super().on_message_complete()
        self._phase = _Phase.IDLE

    def on_response_complete(self) -> None:
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._is_deaf:
            self._close()
        elif self._phase is _Phase.BODY and not self._is_closing:
            bounds = self._bounds
            self._arm(bounds.linger_seconds if is_last else bounds.body_seconds)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._bound_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def shutdown(self) -> None:
        """In place of uvicorn's, which closes what is idle though a request may be on its way."""
        if self._has_open_cycle():
            super().shutdown()
        elif self._phase is _Phase.IDLE:
            self._arm(self._bounds.shutdown_idle_seconds)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """In uvicorn's place: what is wrong as a problem, with the headers of every reply."""
        self._refuse(*self._refusal)

    def _unsupported_upgrade_warning(self) -> None:
        """It is worth no line. Called while the exception is handled that knows how far the parser is."""
        stopped = sys.exception()
        assert isinstance(stopped, httptools.HttpParserUpgrade)
        self._unread_from = stopped.args[0]

    def _read_on(self, data: bytes) -> None:
        rest, self._unread_from = data[self._unread_from :], 0
        self.parser = body_parser(self)
        super().data_received(framing(self.headers) + rest)

    def _account_for(self, size: int) -> None:
        """For a piece of so many bytes, once the parser has read it."""
        if not (self._is_deaf or self._has_advanced or self._phase is _Phase.IDLE):
            self._count(size)
        if not self._is_deaf:
            self._watch()

    def _watch(self) -> None:
        """One deadline for a phase of a message, from the first time that it is seen unfinished."""
        seen = (self._phase, self._messages)
        if seen != self._watched:
            self._watched = seen
            self._disarm()
            if self._phase is not _Phase.IDLE:
                bounds = self._bounds
                in_head = self._phase is _Phase.HEAD
                self._arm(bounds.head_seconds if in_head else bounds.body_seconds)
        elif self._phase is _Phase.IDLE and self._deadline is None:
            # Empty lines between messages: uvicorn has dropped its keep-alive timer for them.
            self._arm(self._bounds.head_seconds)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._expire, seconds)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self, seconds: float) -> None:
        self._deadline = None
        if self._is_closing:
            self._finish()
        elif self.flow.read_paused:  # it is us who do not read
            self._arm(seconds)
        elif self._phase is not _Phase.IDLE:
            self._refuse(*_TIMEOUTS[self._phase])
        elif not self._is_owed() and seconds > _LAST_LOOK:
            self._arm(_LAST_LOOK)
        elif not self._is_owed():
            self._close()

    def _is_owed(self) -> bool:
        """Whether there is an earlier request than the one now read that awaits its answer."""
        if self._phase is _Phase.BODY:
            return bool(self.pipeline)
        return self._has_open_cycle()

    def _is_answering(self) -> bool:
        """Whether the current message's answer has begun; a head that is not over has none."""
        return self._phase is _Phase.BODY and bool(self.cycle.response_started)

    def _bound(self, size: int) -> None:
        """Raises within the parser, which gives up then and has `send_400_response` called."""
        self._parsed += size
        if self._parsed > self._bounds.head_bytes:
            self._refusal = self._too_large()
            raise httptools.HttpParserError

    def _count(self, size: int) -> None:
        """A single header is only told of when it is whole, so its pieces are counted as they come."""
        self._fed += size
        if self._fed > self._bounds.head_bytes:
            self._refuse(*self._too_large())

    def _too_large(self) -> tuple[str, str]:
        detail = f"The head of a request has at most {self._bounds.head_bytes} bytes."
        return "headers_too_large", detail

    def _refuse(self, code: str, detail: str) -> None:
        """The end of the connection, told of unless something else is being told."""
        self._is_deaf = True
        self._disarm()
        if self._is_owed():
            if self._phase is _Phase.BODY:
                self.pipeline.popleft()  # itself; the connection ends with the answer before it
            return
        if not self._is_answering():
            self._wire.write(refusal(code, detail, self.server_state.default_headers))
        self._close()

    def _close(self) -> None:
        """Whoever ends the connection, uvicorn included, ends it here."""
        if self._is_closing:
            return
        self._is_closing = self._is_deaf = True
        self._disarm()
        if self._phase is _Phase.IDLE:
            self._finish()
            return
        self._leave()
        self._wire.write_eof()
        self.flow.resume_reading()
        self._arm(self._bounds.linger_seconds)

    def _leave(self) -> None:
        """The app may be at work for it still: it is told that nobody is there any more."""
        if self._phase is _Phase.BODY and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _finish(self) -> None:
        """The loop closes a connection when all is written, which a client could put off for ever."""
        if self._wire.get_write_buffer_size():
            self._bound_writing()
        self._wire.close()

    def _bound_writing(self) -> None:
        if self._write_deadline is None:
            seconds = self._bounds.write_seconds
            self._write_deadline = self.loop.call_later(seconds, self._wire.abort)


class _Transport:
    """What uvicorn has for a transport: the real one, but for how it is closed."""

    def __init__(self, wire: CoalescingTransport, protocol: TimeoutProtocol) -> None:
        self.write = wire.write
        self.post = wire.post
        self.get_extra_info = wire.get_extra_info
        self.pause_reading = wire.pause_reading
        self.resume_reading = wire.resume_reading
        self.is_over = wire.is_closing
        self._wire = wire
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._protocol._is_closing or self._wire.is_closing()  # noqa: SLF001 - its other half

    def close(self) -> None:
        self._protocol._close()  # noqa: SLF001 - its other half
