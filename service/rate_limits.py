"""How many URLs a caller may ask for. The counting is the `limits` library's, in memory by `windows.py`.

Replicas count each for itself, unless they share a store. A store that is down lets requests pass:
what it protects is our time, and access is not its affair. So that it costs no time either, it is left
alone for a while then.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from service.access.callers import Rate
from service.access.grants import Caller
from service.errors import ConfigurationError, RateLimited
from service.sessions.session import Clock
from service.windows import Windows

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

log = logging.getLogger(__name__)

STORE_SECONDS: Final = 0.25  # that a request waits for a store
PAUSE_SECONDS: Final = 5.0  # that a store is left alone after it has failed
MAX_CONNECTIONS: Final = 16  # to a store, a process: a burst must not open one a request


class RateLimits:
    def __init__(
        self,
        url: str | None,
        *,
        clock: Clock,
        on_failure: Callable[[], None],
        store_seconds: float = STORE_SECONDS,
    ) -> None:
        """`url` is a Redis's or a Valkey's: `redis://…`, `rediss://…`; None counts in memory.

        `on_failure` is called for each request that passes because the store does not answer.
        """
        self._connections = None if url is None else _connections(url, store_seconds)
        self._storage = _storage(self._connections)
        self._windows = self._storage if isinstance(self._storage, Windows) else None
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._clock = clock
        self._on_failure = on_failure
        self._store_seconds = store_seconds
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._asking = set[asyncio.Task[int | None]]()
        self._paused_until = -math.inf

    def counted(self, caller: Caller, rate: Rate, urls: int) -> bool:
        """As `take`, where nobody has to be asked: whether they pass, and are counted."""
        return self._windows is not None and self._windows.take(_name(caller, rate), rate, urls)

    async def take(self, caller: Caller, rate: Rate, urls: int) -> None:
        """Count `urls` against the caller's rate. Raises RateLimited, and then none is counted."""
        if urls > rate.urls:
            raise RateLimited(
                f"At most {rate.urls} URLs in {rate.seconds} s are allowed: ask for fewer at once.",
                retry_after=rate.seconds,
            )
        if self._clock.boot() < self._paused_until:
            self._on_failure()
            return
        try:
            wait = await self._within_time(caller, rate, urls)
        except Exception as error:  # noqa: BLE001 - whatever the store's client comes up with
            self._pause(error)
            return
        if wait is not None:
            raise RateLimited(
                f"At most {rate.urls} URLs in {rate.seconds} s are allowed.", retry_after=wait
            )

    async def close(self) -> None:
        if self._connections is None:
            return
        for asking in self._asking:
            asking.cancel()
        if self._asking:
            await asyncio.wait(self._asking, timeout=self._store_seconds)
        await self._connections.disconnect()

    async def _within_time(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """As `_hit`, or TimeoutError, and though the store's client were not to obey a cancellation."""
        if self._connections is None:
            return await self._hit(caller, rate, urls)
        asking = asyncio.create_task(self._hit_in_turn(caller, rate, urls))
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        try:
            await asyncio.wait({asking}, timeout=self._store_seconds)
            if asking.done() and not asking.cancelled():
                return asking.result()
            raise TimeoutError
        finally:
            asking.cancel()

    def _asked(self, asking: asyncio.Task[int | None]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # looked at, or asyncio would log it

    async def _hit_in_turn(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        async with self._turns:
            return await self._hit(caller, rate, urls)

    async def _hit(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """None if they are counted, else the seconds after which as many can be."""
        item = RateLimitItemPerSecond(rate.urls, rate.seconds)
        names = (caller.issuer or "", caller.subject)
        if await self._limiter.hit(item, *names, cost=urls):
            return None
        windows = await self._storage.get_sliding_window(item.key_for(*names), rate.seconds)
        # The library's own answer is for one URL. Not `ceil`: at that very moment it is too soon.
        return max(0, math.floor(_full_for(windows, rate, urls))) + 1

    def _pause(self, error: Exception) -> None:
        if self._clock.boot() >= self._paused_until:  # of many who waited, one says it
            # Its words may hold the store's address, and what it was sent.
            words = "the store of the rate limits fails, again in %.0f s: %s"
            log.warning(words, PAUSE_SECONDS, type(error).__name__)
        self._paused_until = self._clock.boot() + PAUSE_SECONDS
        self._on_failure()


def _name(caller: Caller, rate: Rate) -> str:
    return _key(caller.issuer or "", caller.subject, rate.urls, rate.seconds)


@lru_cache(maxsize=4096)  # to make a key costs as much as to count
def _key(issuer: str, subject: str, urls: int, seconds: int) -> str:
    return RateLimitItemPerSecond(urls, seconds).key_for(issuer, subject)


def _full_for(windows: tuple[int, float, int, float], rate: Rate, urls: int) -> float:
    """Seconds until `urls` more are within the rate, if nobody else asks.

    Each window is the URLs counted in it and the seconds that they count on; in the last
    `rate.seconds` of these they count for less and less.
    """
    before, before_left, now, now_left = windows
    room = rate.urls - urls + 1  # what counts has to be less
    if now < room:
        count, left, room = before, before_left, room - now
    else:
        count, left = now, now_left
    return left - room * rate.seconds / max(1, count)


def _connections(url: str, seconds: float) -> "ConnectionPool":
    """Ours to close; and `limits` would take no URL without a port."""
    # Its import is a twentieth of the start's time and memory, and most have no store.
    from redis.asyncio import ConnectionPool  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    try:
        return ConnectionPool.from_url(
            url,
            socket_connect_timeout=seconds,
            socket_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:  # its words may hold the password
        words = "server.rate_limit_url: write a URL such as redis://limits:6379/0"
        raise ConfigurationError([words]) from None


def _storage(connections: "ConnectionPool | None") -> Windows | RedisStorage:
    if connections is None:
        return Windows()
    return RedisStorage(
        "async+redis://",
        implementation="redispy",
        connection_pool=connections,  # type: ignore[arg-type] # its documentation has it so
    )
