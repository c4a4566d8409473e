"""uvicorn's HTTP/1.1, at two thirds of the price.

What is left out is what nothing here needs: to upgrade to WebSocket, to count connections against a
limit, to split the same few paths for each request. And uvicorn sets a timer when a connection gets
idle and takes it back at the next request, which costs more than to parse one; here a single timer
looks, once it has run out, how long the connection has been idle.
"""

import asyncio
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.server.request_response import RequestResponse


class FastHttpProtocol(HttpToolsProtocol):
    def __init__(self, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._active = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        super()._unset_keepalive_if_required()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._active = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        scope, parser, waits = self.scope, self.parser, self._has_open_cycle()
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = version = parser.get_http_version()
        scope["path"], scope["raw_path"], scope["query_string"] = _parts_of(self.url)
        self.cycle = RequestResponse(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if waits:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def on_body(self, body: bytes) -> None:
        exchange = self.cycle
        if exchange.response_complete:
            self._pause_for_a_turn()
            return
        exchange.body += body
        if len(exchange.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        exchange.message_event.set()

    def _pause_for_a_turn(self) -> None:
        """After a piece of what nobody wants. libuv would read 32 of them, 8 MB, before it turns to others."""
        if not self.flow.read_paused:
            self.transport.pause_reading()
            self.loop.call_soon(self._read_again)

    def _read_again(self) -> None:
        """Also while the connection is being ended: the client has to see the answer first."""
        if not self.flow.read_paused and not cast("Any", self.transport).is_over():
            self.transport.resume_reading()

    def on_message_complete(self) -> None:
        exchange = self.cycle
        if not exchange.response_complete:
            exchange.more_body = False
            exchange.message_event.set()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._active = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        left = self._active + self.timeout_keep_alive - self.loop.time()
        if self._has_open_cycle():
            self._look_again_in(self.timeout_keep_alive)
        elif left > 0:
            self._look_again_in(left)
        else:
            self.timeout_keep_alive_task = None
            super().timeout_keep_alive_handler()

    def _look_again_in(self, seconds: float) -> None:
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, handler)

    def _unset_keepalive_if_required(self) -> None:
        """Not for each request."""

    def _has_open_cycle(self) -> bool:
        cycle: RequestResponse | None = self.cycle  # type: ignore[assignment] # uvicorn's annotation leaves None out
        return cycle is not None and not cycle.response_complete


@lru_cache(maxsize=64)
def _parts_of(url: bytes) -> tuple[str, bytes, bytes]:
    """The path, decoded and as it came, and the query."""
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""
