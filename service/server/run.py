"""Runs the app under uvicorn, and stops it without losing a request.

On SIGTERM the service reports not ready and goes on answering for `drain_seconds`, in which the
platform takes notice. Then it accepts no more connections, finishes open requests and exits with 0.
A second signal ends the wait.
"""

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Final, cast

import uvicorn
from starlette.types import ASGIApp

from service.api.cors import rules_for
from service.api.parts import Parts
from service.api.shutdown import Drain
from service.server.error_response import ErrorResponses
from service.server.limits import ConnectionLimits
from service.server.protocol import TimeoutProtocol
from service.server.transport import WriteBatcher

KEEP_ALIVE_SECONDS: Final = 75  # more than a load balancer's (AWS: 60), so that it closes first
ACCEPTS: Final = 16  # connections per iteration of the event loop
FINISH_SECONDS: Final = 15  # for open requests: a cold caller waits 5 s, and a body may take 20


class Server(uvicorn.Server):
    """Listens for `drain_seconds` after SIGTERM."""

    def __init__(self, config: uvicorn.Config, *, drain: Drain, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Do not raise the signal again at the end, as uvicorn does: the exit code is to be 0."""
        ends_now = sig != signal.SIGTERM or self._drain.has_begun
        self._drain.begin(time.monotonic())
        if ends_now:
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        drained = self._drain.is_over(time.monotonic(), self._drain_seconds)
        return await super().on_tick(counter) or drained

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._accept_more_at_once()
        gc.freeze()  # as in cli/main.py: what exists now stays

    async def _accept_more_at_once(self) -> None:
        """Add handles for each listener, as libuv accepts one connection per handle and iteration.

        Otherwise /livez waits for seconds if many clients connect while iterations are long.
        """
        loop, backlog = asyncio.get_running_loop(), self.config.backlog
        for server in list(self.servers):
            for _ in range(ACCEPTS - 1):
                for listener in _duplicates(server.sockets):
                    more = await loop.create_server(self._protocol, sock=listener, backlog=backlog)
                    self.servers.append(more)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._accept_pending()
        await super().shutdown(sockets)

    async def _accept_pending(self) -> None:
        """Accept what waits in the listen queues: closing a listener resets those connections.

        If no file descriptor is left they are reset after all; accepted connections are not.
        """
        loop = asyncio.get_running_loop()
        for server in self.servers:
            listeners = list(_duplicates(server.sockets))  # these keep the queues open
            server.close()
            for connection in [each for listener in listeners for each in _queued(listener)]:
                with suppress(OSError):  # the client has gone
                    await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )  # type: ignore[call-arg]  # uvicorn's annotation has no arguments


def _duplicates(listeners: Iterable[socket.socket]) -> Iterator[socket.socket]:
    for listener in listeners:
        with suppress(OSError):
            yield socket.socket(fileno=os.dup(listener.fileno()))


def _queued(listener: socket.socket) -> Iterator[socket.socket]:
    listener.settimeout(0)
    with listener, suppress(OSError):  # BlockingIOError: the queue is empty
        while True:
            connection, _ = listener.accept()
            connection.settimeout(0)
            yield connection


def uvicorn_config(
    app: ASGIApp,
    parts: Parts,
    *,
    host: str,
    port: int,
    limits: ConnectionLimits | None = None,
) -> uvicorn.Config:
    """`parts` are those of the app."""
    protocol = partial(
        TimeoutProtocol,
        limits=limits or ConnectionLimits(),
        errors=ErrorResponses(parts.problems, rules_for(parts.cors_origins)),
        drain=parts.drain,
        batcher=WriteBatcher(),
        body_discarded=parts.metrics.body_discarded,
    )
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", protocol),  # uvicorn only calls it
        ws="none",
        access_log=False,  # expensive, and a path may hold a secret
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
