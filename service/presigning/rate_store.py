"""Sliding windows in a Redis or Valkey that replicas share, counted by the `limits` library."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError
from redis.maint_notifications import MaintNotificationsConfig

from service.access.callers import Rate
from service.access.grants import Caller
from service.errors import ConfigurationError
from service.presigning.rate_windows import Counted


class RedisWindows:
    def __init__(self, url: str, *, seconds: float) -> None:
        """`url` is `redis://…` or `rediss://…`.

        `seconds` limit a call if the client ignores its cancellation.
        """
        self._connections = connections(url, seconds, setting="server.rate_limit_url")
        self._storage = RedisStorage(
            "async+redis://",  # it would accept no URL without a port
            implementation="redispy",
            connection_pool=self._connections,  # type: ignore[arg-type] # as its documentation shows
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    async def take(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """As `RateStore.take`."""
        item = RateLimitItemPerSecond(rate.urls, rate.seconds)
        names = (caller.issuer or "", caller.subject)
        async with reconnecting_if_read_only(self._connections):
            if await self._limiter.hit(item, *names, cost=urls):
                return None
        # The library computes the wait for one URL only.
        windows = await self._storage.get_sliding_window(item.key_for(*names), rate.seconds)
        return Counted(*windows).wait(rate, urls)

    async def close(self) -> None:
        await self._connections.disconnect()


def connections(url: str, seconds: float, *, setting: str) -> ConnectionPool:
    """Return connections to a Redis or Valkey, which the caller closes.

    `seconds` limit each call. Raises ConfigurationError about the `setting` that has the URL.
    """
    try:
        return ConnectionPool.from_url(
            url,
            socket_connect_timeout=seconds,
            socket_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
            # Otherwise the pool does not notice that the store has closed an idle connection.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
    except ValueError:  # its message may hold the password
        message = f"{setting}: write a URL such as redis://limits:6379/0"
        raise ConfigurationError([message]) from None


@asynccontextmanager
async def reconnecting_if_read_only(pool: ConnectionPool) -> AsyncIterator[None]:
    """Close idle connections if the server refuses writes.

    After a planned fail-over the old primary still answers. Only a new connection resolves the
    store's address again, and reaches the new primary.
    """
    try:
        yield
    except ReadOnlyError:
        await pool.disconnect(inuse_connections=False)
        raise
