"""The store of uses, revocations and lists of links: a Redis or Valkey that replicas share.

Rules of this file:
- What is atomic is one script. It takes the time from the store, the one clock of all replicas.
- A link with `max_uses` that has no record in the store cannot be used. So a store that has lost
  its data ends such links, and gives none of them new uses.
- The service's clock decides when a link is over. What the store keeps outlives it a little.
- What one maker has in it is bounded.
- Lists have calls of their own: if they fail, uses and revocations go on.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from math import ceil
from typing import Any, Final, TypeVar

from redis.asyncio import Redis

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
from service.protocols.links import store_scripts
from service.protocols.links.link_store import (
    MARGIN_SECONDS,
    MOST_LINKS,
    MOST_LISTED,
    PAGE_LINKS,
    WINDOW_SECONDS,
    ListedLink,
    ListPage,
    RevokedPage,
    StoredLink,
    UseResult,
)

T = TypeVar("T")

CALL_SECONDS: Final = 1.0  # for the store's answer: a person waits for it
PAGE: Final = 2000  # revocations in one answer: 80 KB
# The braces keep all keys on one node of a cluster.
_PREFIX: Final = "presign:{links}"
_BY_END: Final = f"{_PREFIX}:revoked-by-end"
_BY_CURSOR: Final = f"{_PREFIX}:revoked-by-cursor"
_LAST_CURSOR: Final = f"{_PREFIX}:last-cursor"


class RedisLinkStore:
    """A `LinkStore` in a Redis or Valkey."""

    def __init__(self, url: str, *, clock: Clock, window_seconds: float = WINDOW_SECONDS) -> None:
        """`url` is `redis://…` or `rediss://…`. Raises ConfigurationError for another."""
        self._connections = connections(url, 4 * CALL_SECONDS, setting="links.store_url")
        redis = Redis(connection_pool=self._connections)
        self._register = redis.register_script(store_scripts.REGISTER)
        self._use = redis.register_script(store_scripts.USE)
        self._keep = redis.register_script(store_scripts.KEEP)
        self._listed = redis.register_script(store_scripts.LISTED)
        self._left = redis.register_script(store_scripts.LEFT)
        self._revoke = redis.register_script(store_scripts.REVOKE)
        self._revoked = redis.register_script(store_scripts.REVOKED)
        self._window_milliseconds = round(window_seconds * 1000)
        self._calls = StoreCalls("store of links", now=clock.boot, seconds=CALL_SECONDS)
        self._list_calls = StoreCalls("lists of links", now=clock.boot, seconds=CALL_SECONDS)

    async def register(self, link: StoredLink, max_uses: int) -> bool:
        keys = [_record(link), _counted(link)]
        arguments = [*_bounded(link), max_uses]
        return bool(await self._result_of(partial(self._register, keys, arguments)))

    async def use(self, link: StoredLink, *, only_look: bool = False) -> UseResult:
        keys = [_record(link), _counted(link)]
        arguments: list[str | int] = [link.id, self._window_milliseconds, int(only_look)]
        return UseResult(await self._result_of(partial(self._use, keys, arguments)))

    async def keep(self, link: StoredLink, sealed: bytes) -> bool:
        keys, until = [*_list(link.maker), _ended(link)], link.expires_at + MARGIN_SECONDS
        work = partial(self._keep, keys, [link.id, until, MOST_LISTED, sealed])
        return bool(await self._result_of(work, self._list_calls))

    async def listed(self, maker: str, before: int | None) -> ListPage:
        return await self._result_of(partial(self._page, maker, before), self._list_calls)

    async def revoke(self, link: StoredLink) -> bool:
        keys = [_BY_END, _BY_CURSOR, _LAST_CURSOR, _ended(link), _record(link), _counted(link)]
        return bool(await self._result_of(partial(self._revoke, keys, _bounded(link))))

    async def revoked(self, after: bytes | None) -> RevokedPage | None:
        begin = b"-inf" if after is None else b"(" + after
        found: Any = await self._revoked([_BY_END, _BY_CURSOR], [begin, PAGE])
        if found is None:
            return None
        last, text = found
        lines = (line.split(" ") for line in text.decode().split("\n"))
        return RevokedPage(
            {link_id: float(until) - MARGIN_SECONDS for link_id, until in lines}, last
        )

    async def close(self) -> None:
        await self._calls.close()
        await self._list_calls.close()
        await self._connections.disconnect()

    async def _page(self, maker: str, before: int | None) -> ListPage:
        begin = "+inf" if before is None else f"({before}"
        ids, sealed, last = await self._listed(_list(maker), [begin, PAGE_LINKS])
        if not ids:
            return ListPage([], None)
        ids = [link_id.decode() for link_id in ids]
        left = await self._left([f"{_PREFIX}:{link_id}" for link_id in ids], [])
        links = [
            ListedLink(link_id, text, None if uses is None else int(uses))
            for link_id, text, uses in zip(ids, sealed, left, strict=True)
            if text is not None  # a store that has evicted it
        ]
        return ListPage(links, None if last is None else int(last))

    async def _result_of(
        self, work: Callable[[], Coroutine[Any, Any, T]], calls: StoreCalls | None = None
    ) -> T:
        async def call() -> T:
            async with reconnecting_if_read_only(self._connections):
                return await work()

        try:
            return await (calls or self._calls).result_of(call)
        except StoreFails:
            detail = "The store of links is out of reach."
            raise Overloaded(detail, retry_after=ceil(PAUSE_SECONDS)) from None
        except (NoSlot, Unanswered):
            raise Overloaded("Too many links are being used.", retry_after=1) from None


def _record(link: StoredLink) -> str:
    return f"{_PREFIX}:{link.id}"


def _counted(link: StoredLink) -> str:
    return f"{_PREFIX}:counted:{link.maker}"


def _ended(link: StoredLink) -> str:
    return f"{_PREFIX}:ended:{link.maker}"


def _list(maker: str) -> list[str]:
    return [f"{_PREFIX}:{name}:{maker}" for name in ("list-by-end", "list-by-cursor", "list")]


def _bounded(link: StoredLink) -> list[str | int]:
    return [link.id, link.expires_at + MARGIN_SECONDS, MOST_LINKS]
