"""A store of links for one process, such as the demo's. It is lost when the process ends."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from service.clock import Clock
from service.protocols.links.link_store import (
    MOST_LINKS,
    MOST_LISTED,
    PAGE_LINKS,
    WINDOW_SECONDS,
    LinksByEnd,
    ListedLink,
    ListPage,
    RevokedPage,
    StoredLink,
    UseResult,
)


@dataclass(slots=True)
class _Uses:
    left: int
    open_until: float = 0.0


class MemoryLinkStore:
    """A `LinkStore` without a server. No other replica sees its uses and revocations."""

    def __init__(self, clock: Clock, *, window_seconds: float = WINDOW_SECONDS) -> None:
        self._clock = clock
        self._window_seconds = window_seconds
        self._uses: dict[str, _Uses] = {}
        self._counted, self._revoked = _LiveLinks(MOST_LINKS), _LiveLinks(MOST_LINKS)
        self._lists = _Lists()

    async def register(self, link: StoredLink, max_uses: int) -> bool:
        for over in self._counted.drop_over(self._clock.wall()):
            del self._uses[over]
        if not self._counted.add(link):
            return False
        self._uses[link.id] = _Uses(max_uses)
        return True

    async def use(self, link: StoredLink, *, only_look: bool = False) -> UseResult:
        if (uses := self._uses.get(link.id)) is None:
            return UseResult.REFUSED
        now = self._clock.boot()
        if now < uses.open_until:
            return UseResult.CONTINUED
        if uses.left < 1:
            return UseResult.REFUSED
        if only_look:
            return UseResult.OPENED
        uses.left -= 1
        uses.open_until = now + self._window_seconds
        if uses.left < 1:  # it is over with its last window
            self._counted.end_earlier(link.id, self._clock.wall() + self._window_seconds)
        return UseResult.OPENED

    async def keep(self, link: StoredLink, sealed: bytes) -> bool:
        self._lists.drop_over(self._clock.wall())
        if self._lists.add(link, sealed):
            return True
        self._lists.drop(filter(self._revoked.has, self._lists.ids(link.maker)))
        return self._lists.add(link, sealed)

    async def listed(self, maker: str, before: int | None) -> ListPage:
        self._lists.drop_over(self._clock.wall())
        links, last = self._lists.page(maker, before)
        return ListPage(
            [
                ListedLink(
                    link_id, sealed, uses.left if (uses := self._uses.get(link_id)) else None
                )
                for link_id, sealed in links
            ],
            last,
        )

    async def revoke(self, link: StoredLink) -> bool:
        """Count it: `Revocations` keeps what its own replica has revoked."""
        self._revoked.drop_over(self._clock.wall())
        if not self._revoked.add(link):
            return False
        if self._uses.pop(link.id, None) is not None:
            self._counted.discard(link.id)
        return True

    async def revoked(self, after: bytes | None) -> RevokedPage | None:  # noqa: ARG002 - LinkStore's
        """Return None: there are no other replicas that revoke."""
        return None


class _LiveLinks:
    """The links of each maker that have not expired, up to `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._links: dict[str, tuple[str, float]] = {}  # makers and ends
        self._by_end = LinksByEnd()
        self._numbers = Counter[str]()

    def add(self, link: StoredLink) -> bool:
        """Return whether it is there now: it may have been there before, or be one too many."""
        if link.id in self._links:
            return True
        if self._numbers[link.maker] >= self._most:
            return False
        self._numbers[link.maker] += 1
        self._links[link.id] = link.maker, link.expires_at
        self._by_end.add(link.id, link.expires_at)
        return True

    def has(self, link_id: str) -> bool:
        return link_id in self._links

    def discard(self, link_id: str) -> None:
        _, end = self._links[link_id]
        self._by_end.discard(link_id, end)
        self._forget(link_id)

    def end_earlier(self, link_id: str, end: float) -> None:
        maker, old_end = self._links[link_id]
        if end < old_end:
            self._links[link_id] = maker, end
            self._by_end.discard(link_id, old_end)
            self._by_end.add(link_id, end)

    def drop_over(self, now: float) -> list[str]:
        """Forget those that are over, and return their ids."""
        over = list(self._by_end.drop_over(now))
        for link_id in over:
            self._forget(link_id)
        return over

    def _forget(self, link_id: str) -> None:
        maker, _ = self._links.pop(link_id)
        self._numbers[maker] -= 1
        if not self._numbers[maker]:
            del self._numbers[maker]


class _Lists:
    """The lists of all makers. Cursors only grow."""

    def __init__(self) -> None:
        self._live = _LiveLinks(MOST_LISTED)
        self._cursors = count(1)
        self._lists: dict[str, dict[int, tuple[str, bytes]]] = {}  # by makers and cursors
        self._by_id: dict[str, tuple[str, int]] = {}  # makers and cursors, by ids

    def add(self, link: StoredLink, sealed: bytes) -> bool:
        if not self._live.add(link):
            return False
        cursor = next(self._cursors)
        self._lists.setdefault(link.maker, {})[cursor] = link.id, sealed
        self._by_id[link.id] = link.maker, cursor
        return True

    def page(self, maker: str, before: int | None) -> tuple[list[tuple[str, bytes]], int | None]:
        """Return ids and what is sealed, and the last one's cursor if there are more."""
        links = self._lists.get(maker, {})
        cursors = [cursor for cursor in reversed(links) if before is None or cursor < before]
        last = cursors[PAGE_LINKS - 1] if len(cursors) > PAGE_LINKS else None
        return [links[cursor] for cursor in cursors[:PAGE_LINKS]], last

    def ids(self, maker: str) -> list[str]:
        return [link_id for link_id, _ in self._lists.get(maker, {}).values()]

    def drop(self, link_ids: Iterable[str]) -> None:
        for link_id in link_ids:
            self._live.discard(link_id)
            self._forget(link_id)

    def drop_over(self, now: float) -> None:
        for link_id in self._live.drop_over(now):
            self._forget(link_id)

    def _forget(self, link_id: str) -> None:
        maker, cursor = self._by_id.pop(link_id)
        del self._lists[maker][cursor]
        if not self._lists[maker]:
            del self._lists[maker]
