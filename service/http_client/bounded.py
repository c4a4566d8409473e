"""Bounds what a server may send as one response, so that it cannot hold the event loop.

aiohttp parses all that a connection has delivered before anything else runs, and its own limits end
with a head: it accepts any number of interim responses, and chunk extensions of any length.
"""

import asyncio
import socket
from functools import partial
from typing import Any, Final, TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler

Connector = TypeVar("Connector", bound=aiohttp.BaseConnector)

MAX_HEADS: Final = 8  # interim responses (RFC 9110, 15.2), and the final one
# Parsed at once. 4 KiB of interim responses take 0.2 ms, 256 KiB in one piece 11 ms.
_PIECE: Final = 4096
# In addition to a line's own bytes: heads, sizes of chunks and trailers cost by the line. A body in
# chunks of one byte takes 0.5 µs of CPU a byte on the wire, and other bodies less than 1 ns.
_LINE_BYTES: Final = 64
# Of a socket, at most; Linux doubles it. The loop takes what is there at once: 256 KiB, up to 32
# times. A far store sends no more in a round trip: over 100 ms, the longest listing takes 3 s with
# this, and more than the 5 s of an attempt with half of it.
_RECEIVE_BUFFER: Final = 128 * 1024


class ResponseTooLong(aiohttp.ClientPayloadError):
    """The server sent more than one response may have."""


def bound_responses(connector: Connector, max_bytes: int) -> Connector:
    """Return the connector. Each response may have `max_bytes` on the wire, and MAX_HEADS heads.

    The sizes and extensions of chunks count, and so do trailers. A line counts as 64 bytes more.
    aiohttp has no public way to do this.
    """
    loop = asyncio.get_running_loop()
    connector._factory = partial(_BoundedConnection, loop, max_bytes)  # type: ignore[assignment]  # noqa: SLF001
    return connector


class _BoundedConnection(ResponseHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop, max_bytes: int) -> None:
        super().__init__(loop)
        self._max_bytes = max_bytes
        self._bytes = self._heads = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        connected = transport.get_extra_info("socket")
        most = min(self._max_bytes, _RECEIVE_BUFFER)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most)

    def is_connected(self) -> bool:
        """Whether another request may be sent: not if a response is here that nobody asked for."""
        return super().is_connected() and not self._buffer

    def set_response_params(self, **params: Any) -> None:
        """Another response begins."""
        self._bytes = self._heads = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if not data:  # aiohttp goes on after a pause
            super().data_received(data)
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            self._bytes += len(piece) + _LINE_BYTES * piece.count(b"\n")
            if self._bytes > self._max_bytes or self._heads > MAX_HEADS:
                self._fail(ResponseTooLong())
            else:
                super().data_received(piece)
            if self.exception() is not None:
                self._hang_up()
                return

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A head is complete."""
        self._heads += 1
        super().feed_data(data, size)

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _fail(self, error: ResponseTooLong) -> None:
        if self._payload is not None:
            self._payload.set_exception(error)
        self.set_exception(error)

    def _hang_up(self) -> None:
        """A close over TLS would read on for 30 s, whatever the server sends."""
        if self.transport is not None:
            self.transport.abort()
