"""A replica's limits, and a store that replicas share: a Redis in a thread of the test's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler
from redis.exceptions import ResponseError

from service.access.callers import Rate
from service.access.grants import Caller
from service.errors import RateLimited
from service.presigning.rate_limits import RateLimits
from service.presigning.rate_store import RedisWindows
from tests.support.factories import CALLER
from tests.support.processes import free_ports
from tests.support.virtual_time import FakeClock

MINUTE: Final = 60
TEN: Final = Rate(10, MINUTE)
OTHER: Final = Caller(issuer="cluster-a", subject="billing")
PASSWORD: Final = "sentinel-password"
PATIENCE: Final = 10.0  # seconds for fakeredis, which is slow: each of its scripts takes some 10 ms


@dataclass
class Replica:
    """One process's limits, and how often its store failed."""

    url: str | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    failures: int = 0
    store_seconds: float = PATIENCE

    def __post_init__(self) -> None:
        seconds = 4 * self.store_seconds
        self.limits = RateLimits(
            None if self.url is None else RedisWindows(self.url, seconds=seconds),
            clock=self.clock,
            on_failure=self._failed,
            store_seconds=self.store_seconds,
        )

    def _failed(self) -> None:
        self.failures += 1

    async def take(self, urls: int, rate: Rate = TEN, caller: Caller = CALLER) -> None:
        await self.limits.take(caller, rate, urls)

    async def refusal(self, urls: int, rate: Rate = TEN) -> RateLimited:
        with pytest.raises(RateLimited) as refused:
            await self.take(urls, rate)
        return refused.value


@asynccontextmanager
async def make_replicas(
    url: str | None, count: int = 1, store_seconds: float = PATIENCE
) -> AsyncIterator[list[Replica]]:
    async with AsyncExitStack() as stack:
        made = [Replica(url, store_seconds=store_seconds) for _ in range(count)]
        for replica in made:
            stack.push_async_callback(replica.limits.close)
        yield made


class Connection(TCPFakeRequestHandler):
    """fakeredis's own ends with the first error that it answers, which no Redis does.

    And it never hangs.
    """

    server: "Server"

    def setup(self) -> None:
        super().setup()
        read = self.current_client.read_response

        def answer(*args: Any, **kwargs: Any) -> Any:
            self.server.answers.wait()
            try:
                return read(*args, **kwargs)
            except ResponseError as error:
                return error

        self.current_client.read_response = answer  # type: ignore[method-assign]  # a store that fails


class Server(TcpFakeServer):
    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port))
        self.RequestHandlerClass = Connection
        self.answers = threading.Event()
        self.answers.set()


class RedisServer:
    """A Redis on loopback, which can be down or hang for a while."""

    def __init__(self) -> None:
        self._server: Server | None = None
        (self._port,) = free_ports(1)  # its own while it is down, too

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        self._server = Server(self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.answers.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = None

    @property
    def server(self) -> Server:
        assert self._server is not None
        return self._server

    def connections(self) -> int:
        return len(self.server.clients)


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - a thread's doing
            await asyncio.sleep(0.01)


async def send_burst(replica: Replica, size: int = 50) -> None:
    asked = [replica.take(1) for _ in range(size)]
    await asyncio.gather(*asked, return_exceptions=True)
