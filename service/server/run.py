"""Runs the app under uvicorn, and ends it so that no request is lost.

On SIGTERM the service says that it is not ready, goes on answering for as long as the platform takes
to notice, then takes no new connection, finishes what is under way, and exits with 0. A second signal
ends the waiting.
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
from fastapi import FastAPI

from service.server.limits import ConnectionLimits
from service.server.protocol import TimeoutProtocol
from service.server.shutdown import Drain
from service.server.transport import WriteBatcher

KEEP_ALIVE_SECONDS: Final = 75  # longer than a load balancer's (AWS's: 60), which closes first then
ACCEPTS: Final = 16  # connections in a turn of the loop
FINISH_SECONDS: Final = 15  # for what is under way: a cold caller waits 5 s, and a body may take 20


class Server(uvicorn.Server):
    """`drain_seconds` pass between SIGTERM and the end of listening."""

    def __init__(self, config: uvicorn.Config, *, drain: Drain, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's
        """Without uvicorn's: it would raise the signal again at its end, and we not exit with 0."""
        if sig == signal.SIGTERM and not self._drain.has_begun:
            self._drain.begin(time.monotonic())
            return
        self._drain.begin(time.monotonic())
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        drained = self._drain.is_over(time.monotonic(), self._drain_seconds)
        return await super().on_tick(counter) or drained

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._accept_more_at_once()
        gc.freeze()  # see __main__.py: what stands now stays as well

    async def _accept_more_at_once(self) -> None:
        """Give each listener more handles: libuv accepts one connection of each in a turn of the loop.

        Else many new connections beside work that makes turns long would keep /livez waiting for seconds.
        """
        loop = asyncio.get_running_loop()
        for server in list(self.servers):
            for _ in range(ACCEPTS - 1):
                for listener in _kept_open(server.sockets):
                    more = await loop.create_server(
                        self._protocol, sock=listener, backlog=self.config.backlog
                    )
                    self.servers.append(more)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._accept_the_last()
        await super().shutdown(sockets)

    async def _accept_the_last(self) -> None:
        """Closing a listener resets whoever is connected and not accepted, and a busy loop has some.

        So each is kept open by a descriptor of its own until its queue is empty. Where there is no
        descriptor left, whoever waits in a queue is reset; who was accepted is answered all the same.
        """
        loop = asyncio.get_running_loop()
        for server in self.servers:
            listeners = list(_kept_open(server.sockets))
            server.close()
            for connection in [each for listener in listeners for each in _queued(listener)]:
                with suppress(OSError):  # it is gone already
                    await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        """As uvicorn makes one for a connection that it accepts."""
        return self.config.http_protocol_class(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )  # type: ignore[call-arg]  # typed as any protocol, which takes nothing


def _kept_open(listeners: Iterable[socket.socket]) -> Iterator[socket.socket]:
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


def config(
    app: FastAPI, *, host: str, port: int, drain: Drain, bounds: ConnectionLimits | None = None
) -> uvicorn.Config:
    protocol = partial(
        TimeoutProtocol, bounds=bounds or ConnectionLimits(), drain=drain, outbox=WriteBatcher()
    )
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", protocol),  # uvicorn only ever calls it
        ws="none",
        access_log=False,  # dear, and no place for what may hold a secret
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
