"""The store of uses and revocations of links: a Redis or Valkey that replicas share.

Rules of this file:
- What is atomic is one script. It takes the time from the store, the one clock of all replicas.
- A link with `max_uses` that has no record in the store cannot be used. So a store that has lost
  its data ends such links, and gives none of them new uses.
- The service's clock decides when a link is over. What the store keeps outlives it by a day.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from math import ceil
from typing import Any, Final, TypeVar

from redis.asyncio import Redis

from service.access.grants import LONGEST_LINK
from service.clock import Clock
from service.concurrency.store_calls import (
    PAUSE_SECONDS,
    NoSlot,
    StoreCalls,
    StoreFails,
    Unanswered,
)
from service.errors import Overloaded
from service.presigning.rate_store import connections, reconnecting_if_read_only
from service.protocols.links.link_store import WINDOW_SECONDS, Revoked, Use

T = TypeVar("T")

CALL_SECONDS: Final = 1.0  # for the store's answer: a person waits for it
_DAY: Final = 86_400
_PAGE: Final = 200  # revocations, some 10 ms: each answer has half a second
# The braces keep all keys on one node of a cluster.
_PREFIX: Final = "presign:{links}"
_REVOCATIONS: Final = f"{_PREFIX}:revocations"  # a stream: ids and the ends of their links

# A link's record has the uses that are `left`, and the time in ms until which one is `open`.
_USE: Final = """
local left = tonumber(redis.call('HGET', KEYS[1], 'left'))
if not left then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now < tonumber(redis.call('HGET', KEYS[1], 'open')) then return 1 end
if left < 1 then return 0 end
redis.call('HSET', KEYS[1], 'left', left - 1, 'open', now + ARGV[1])
return 2
"""
# The ids of a stream grow even if the clock steps back. What is older than any link is dropped.
_REVOKE: Final = """
local oldest = (redis.call('TIME')[1] - ARGV[3]) * 1000
redis.call('XADD', KEYS[1], 'MINID', oldest, '*', 'id', ARGV[1], 'end', ARGV[2])
return 1
"""


class RedisLinkStore:
    """A `LinkStore` in a Redis or Valkey."""

    def __init__(self, url: str, *, clock: Clock, window_seconds: float = WINDOW_SECONDS) -> None:
        """`url` is `redis://…` or `rediss://…`. Raises ConfigurationError for another."""
        self._connections = connections(url, 4 * CALL_SECONDS, setting="links.store_url")
        self._redis = Redis(connection_pool=self._connections)
        self._use = self._redis.register_script(_USE)
        self._revoke = self._redis.register_script(_REVOKE)
        self._window_milliseconds = round(window_seconds * 1000)
        self._calls = StoreCalls("store of links", now=clock.boot, seconds=CALL_SECONDS)

    async def register(self, link_id: str, max_uses: int, expires_at: int) -> None:
        async def work() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(_record(link_id), mapping={"left": max_uses, "open": 0})
                pipe.expireat(_record(link_id), expires_at + _DAY)
                await pipe.execute()

        await self._result_of(work)

    async def use(self, link_id: str) -> Use:
        arguments = [self._window_milliseconds]
        return Use(await self._result_of(partial(self._use, [_record(link_id)], arguments)))

    async def revoke(self, link_id: str, expires_at: int) -> None:
        arguments: list[str | int] = [link_id, expires_at, LONGEST_LINK + _DAY]
        await self._result_of(partial(self._revoke, [_REVOCATIONS], arguments))

    async def revoked(self, after: bytes | None) -> Revoked | None:
        start = b"-" if after is None else b"(" + after
        found: Any = await self._redis.xrange(_REVOCATIONS, start, count=_PAGE)
        if not found:
            return None
        ends = {entry[b"id"].decode(): float(entry[b"end"]) for _, entry in found}
        return Revoked(ends, found[-1][0])

    async def close(self) -> None:
        await self._calls.close()
        await self._connections.disconnect()

    async def _result_of(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async def call() -> T:
            async with reconnecting_if_read_only(self._connections):
                return await work()

        try:
            return await self._calls.result_of(call)
        except StoreFails:
            detail = "The store of links is out of reach."
            raise Overloaded(detail, retry_after=ceil(PAUSE_SECONDS)) from None
        except (NoSlot, Unanswered):
            raise Overloaded("Too many links are being used.", retry_after=1) from None


def _record(link_id: str) -> str:
    return f"{_PREFIX}:{link_id}"
