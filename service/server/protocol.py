"""HTTP/1.1 with deadlines and size limits, which uvicorn does not have.

uvicorn waits forever for the rest of a request, and accepts a head of any length.

- A connection is idle, in a head or in a body. A phase that is unfinished at the end of a chunk
  gets one deadline, which further bytes do not extend. A request in one chunk, the usual case,
  needs no timer.
- Bytes that the parser holds back (a long header, a trailer) count towards the limit of the head.
- A connection whose client is still sending is closed in two steps (RFC 9112, 9.6): stop writing,
  read on for a while, then close. Otherwise the kernel would answer further bytes with a reset, and
  the client might lose the response.
- An error response never overtakes the response to an earlier request.
"""

import asyncio
import sys
from enum import Enum, auto
from typing import Any, Final, NoReturn, cast
from weakref import proxy

import httptools

from service.api.shutdown import Drain
from service.server.error_response import ErrorResponses
from service.server.limits import ConnectionLimits
from service.server.transport import CoalescingTransport, WriteBatcher
from service.server.upgrade_body import BodyCallbacks, framing_head
from service.server.uvicorn_protocol import FastHttpProtocol


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()


_MALFORMED: Final = ("malformed_request", "This is not HTTP/1.1.")
_TIMEOUTS: Final = {
    _Phase.HEAD: ("request_timeout", "The head of the request did not come in time."),
    _Phase.BODY: ("request_timeout", "The body of the request did not come in time."),
}
_LAST_CHECK: Final = 0.001  # seconds: the loop runs due timers before it reads, so check once more
_SEPARATORS: Final = len(b": \r\n")  # of a header; the parser omits them


class TimeoutProtocol(FastHttpProtocol):
    def __init__(
        self,
        *,
        limits: ConnectionLimits,
        errors: ErrorResponses,
        drain: Drain,
        batcher: WriteBatcher,
        **uvicorn_arguments: Any,
    ) -> None:
        super().__init__(**uvicorn_arguments)
        self._limits = limits
        self._errors = errors
        self._batcher = batcher
        self._drain = drain
        self._phase = _Phase.IDLE
        self._message_count = 0
        self._timed = (_Phase.IDLE, 0)  # phase and message that the deadline is for
        self._has_progressed = False  # the parser reported a new message or part of a body
        self._head_bytes = 0  # reported
        self._unreported_bytes = 0
        self._upgrade_body_at = 0  # where the parser stopped in a chunk
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._parser_error = _MALFORMED
        self._discards_input = False
        self._is_closing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._connection = CoalescingTransport(transport, self._batcher)
        super().connection_made(cast("asyncio.Transport", _Transport(self._connection, self)))
        self._set_deadline(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closing = self._discards_input = True
        self._cancel_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._discards_input:
            if self._phase is _Phase.BODY:
                self._body_discarded(len(data))
            self._pause_one_iteration()
            return
        self._has_progressed = False
        super().data_received(data)
        if self._upgrade_body_at:
            rest, self._upgrade_body_at = data[self._upgrade_body_at :], 0
            self.parser = httptools.HttpRequestParser(BodyCallbacks(self))
            super().data_received(framing_head(self.headers) + rest)
        self._update_deadline(len(data))

    def eof_received(self) -> None:
        """The event loop closes the transport next, so unsent bytes need a deadline."""
        self._close_now()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = _Phase.HEAD
        self._head_bytes = self._unreported_bytes = 0
        self._message_count += 1
        self._has_progressed = True

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._head_bytes += len(url)
        if self._head_bytes > self._limits.head_bytes:
            self._fail_too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + _SEPARATORS
        if self._head_bytes > self._limits.head_bytes:
            self._fail_too_large()
        if self._phase is _Phase.HEAD:  # a trailer must not pass for a header
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= self._limits.pipelined:
            raise httptools.HttpParserError
        super().on_headers_complete()
        self._phase = _Phase.BODY
        # While draining, the client's next request should reach another replica. After a request
        # to upgrade, only its body is read.
        if self._drain.has_begun or self.parser.should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unreported_bytes = 0
        self._has_progressed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # httptools has not read the body
        super().on_message_complete()
        self._phase = _Phase.IDLE

    def on_response_complete(self) -> None:
        is_last = not self.pipeline
        if is_last and self.cycle.body:  # received, but never asked for
            self._body_discarded(len(self.cycle.body))
        super().on_response_complete()
        if is_last and self._discards_input:
            self._close()
        elif self._phase is _Phase.BODY and not self._is_closing:
            limits = self._limits
            self._set_deadline(limits.linger_seconds if is_last else limits.body_seconds)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set_write_deadline()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def shutdown(self) -> None:
        """Keep idle connections, which uvicorn would close, as a request may be on its way."""
        if self._has_open_cycle():
            super().shutdown()
        elif self._phase is _Phase.IDLE:
            self._set_deadline(self._limits.shutdown_idle_seconds)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text
        """Called by uvicorn when the parser fails."""
        self._reject(*self._parser_error)

    def _unsupported_upgrade_warning(self) -> None:
        """Called by uvicorn instead of reading the body. The exception has the parser's offset."""
        stopped = sys.exception()
        assert isinstance(stopped, httptools.HttpParserUpgrade)
        self._upgrade_body_at = stopped.args[0]

    def _update_deadline(self, chunk_bytes: int) -> None:
        """Set the deadline of a phase when a chunk first leaves it unfinished."""
        if self._discards_input:
            return
        if not (self._has_progressed or self._phase is _Phase.IDLE):
            self._unreported_bytes += chunk_bytes
            if self._unreported_bytes > self._limits.head_bytes:
                self._reject(*self._too_large())
                return
        if (current := (self._phase, self._message_count)) != self._timed:
            self._timed = current
            self._cancel_deadline()
            if self._phase is _Phase.HEAD:
                self._set_deadline(self._limits.head_seconds)
            elif self._phase is _Phase.BODY:
                self._set_deadline(self._limits.body_seconds)
        elif self._phase is _Phase.IDLE and self._deadline is None:
            # Empty lines between requests. uvicorn's keep-alive timer does not cover them.
            self._set_deadline(self._limits.head_seconds)

    def _set_deadline(self, seconds: float) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, self._on_deadline, seconds)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self, seconds: float) -> None:
        self._deadline = None
        if self._is_closing:
            self._close_now()
        elif self.flow.read_paused:  # we are the ones who do not read
            self._set_deadline(seconds)
        elif self._phase is not _Phase.IDLE:
            self._reject(*_TIMEOUTS[self._phase])
        elif not self._earlier_response_pending():
            if seconds > _LAST_CHECK:
                self._set_deadline(_LAST_CHECK)
            else:
                self._close()

    def _earlier_response_pending(self) -> bool:
        """Whether a request before the one being read awaits its response."""
        return bool(self.pipeline) if self._phase is _Phase.BODY else self._has_open_cycle()

    def _fail_too_large(self) -> NoReturn:
        """Raise inside the parser, so that uvicorn calls `send_400_response`."""
        self._parser_error = self._too_large()
        raise httptools.HttpParserError

    def _too_large(self) -> tuple[str, str]:
        detail = f"The head of a request has at most {self._limits.head_bytes} bytes."
        return "headers_too_large", detail

    def _reject(self, code: str, detail: str) -> None:
        """End the connection, with a problem unless a response has begun or comes first."""
        self._discards_input = True
        self._cancel_deadline()
        in_body = self._phase is _Phase.BODY
        if self._earlier_response_pending():
            if in_body:
                self.pipeline.popleft()  # this request: the connection ends before its turn
            return
        if not (in_body and self.cycle.response_started):
            scope: Any = self.scope if in_body else None
            received = [] if self._phase is _Phase.IDLE else self.headers
            defaults = self.server_state.default_headers
            self._connection.write(self._errors.response(code, detail, scope, received, defaults))
        self._close()

    def _close(self) -> None:
        """Begin to close the connection; uvicorn gets here too."""
        if self._is_closing:
            return
        self._is_closing = self._discards_input = True
        self._cancel_deadline()
        if self._phase is _Phase.IDLE:
            self._close_now()
            return
        if self._phase is _Phase.BODY and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the app may be waiting for the body
            self.cycle.message_event.set()
        self._connection.write_eof()
        self.flow.resume_reading()
        self._set_deadline(self._limits.linger_seconds)

    def _close_now(self) -> None:
        """Close once all is sent, or at a deadline: a client might never read."""
        if self._connection.get_write_buffer_size():
            self._set_write_deadline()
        self._connection.close()

    def _set_write_deadline(self) -> None:
        if self._write_deadline is None:
            seconds = self._limits.write_seconds
            self._write_deadline = self.loop.call_later(seconds, self._connection.abort)


class _Transport:
    """The transport that uvicorn sees: the real one, except that `close` lingers."""

    def __init__(self, connection: CoalescingTransport, protocol: TimeoutProtocol) -> None:
        self.write, self.queue_write = connection.write, connection.queue_write
        self.get_extra_info, self.is_closed = connection.get_extra_info, connection.is_closing
        self.pause_reading = connection.pause_reading
        self.resume_reading = connection.resume_reading
        self._protocol: TimeoutProtocol = proxy(protocol)  # or the two could stay in memory

    def close(self) -> None:
        self._protocol._close()  # noqa: SLF001 - its other half

    def is_closing(self) -> bool:
        return self._protocol._is_closing or self.is_closed()  # noqa: SLF001 - its other half
