"""A store of links keeps their uses, their revocations, and lists of them.

`redis_link_store.py` has one that replicas share, `memory_link_store.py` one of a single process.
"""

from collections.abc import Iterable
from enum import IntEnum
from itertools import chain
from typing import Final, NamedTuple, Protocol

WINDOW_SECONDS: Final = 600.0  # a use; ranges and resumed downloads belong to it
# One maker may have so many links with `max_uses` in the store, and so many revocations.
MOST_LINKS: Final = 10_000
MOST_LISTED: Final = 1_000  # in a maker's list: each takes up to 4 KB
PAGE_LINKS: Final = 100  # of a maker's list
# The store keeps a link this much longer than it lives, since clocks differ. S3 accepts no more.
MARGIN_SECONDS: Final = 900
SLOT_SECONDS: Final = 900  # of `LinksByEnd`


class UseResult(IntEnum):
    """The result of a request to use a link with `max_uses`."""

    REFUSED = 0  # all uses are taken, or the store does not know the link
    CONTINUED = 1  # within the window that an earlier request has opened
    OPENED = 2


class StoredLink(NamedTuple):
    """A link as the store knows it: `maker` is equal for all links that count together."""

    id: str
    maker: str
    expires_at: int


class RevokedPage(NamedTuple):
    """Some revoked ids with the ends of their links. `last` is the cursor of the last one."""

    ends: dict[str, float]
    last: bytes | None


class ListedLink(NamedTuple):
    """A link in its maker's list. `uses_left` is None if the store counts no uses of it."""

    id: str
    sealed: bytes
    uses_left: int | None


class ListPage(NamedTuple):
    """Some of a maker's links, the newest first. `next` is the cursor of the last one, or None."""

    links: list[ListedLink]
    next: int | None


class LinkStore(Protocol):
    """Replicas share it. All methods except `revoked` raise Overloaded while it is out of reach."""

    async def register(self, link: StoredLink, max_uses: int) -> bool:
        """Allow a new link this many uses, until it ends.

        Return False if its maker has MOST_LINKS of them that are neither over nor revoked.
        """

    async def use(self, link: StoredLink, *, only_look: bool = False) -> UseResult:
        """Use a link with `max_uses`. Until its window ends, further uses continue this one.

        With `only_look` no use is taken: the answer is what a use would get.
        """

    async def keep(self, link: StoredLink, sealed: bytes) -> bool:
        """Put a new link into its maker's list, until it ends.

        In a full list, the links that their maker has revoked make room. Return False if the list
        has MOST_LISTED that are neither over nor revoked.
        """

    async def listed(self, maker: str, before: int | None) -> ListPage:
        """Return PAGE_LINKS at most of a maker's list: those made before the cursor `before`."""

    async def revoke(self, link: StoredLink) -> bool:
        """End a link, which may be revoked already.

        Return False if its maker has revoked MOST_LINKS of those that would still live.
        """

    async def revoked(self, after: bytes | None) -> RevokedPage | None:
        """Return the next revocations after the cursor `after`, in order, or None for none.

        They are few enough for one answer. Raises any error of the client, and has no deadline of
        its own.
        """


class LinksByEnd:
    """A set of ids in slots of time, by the ends of their links.

    Expired ids are dropped one slot at a time, so nothing ever looks at all ids, or copies them.
    """

    def __init__(self) -> None:
        self._slots: dict[int, set[str]] = {}
        self._dropped_until: int | None = None

    def add(self, link_id: str, end: float) -> None:
        self._slots.setdefault(_slot(end), set()).add(link_id)

    def discard(self, link_id: str, end: float) -> None:
        if (ids := self._slots.get(_slot(end))) is None:
            return
        ids.discard(link_id)
        if not ids:
            del self._slots[_slot(end)]

    def has(self, link_id: str, end: float) -> bool:
        """Return whether the link with this id and end is there."""
        return link_id in self._slots.get(_slot(end), ())

    def drop_over(self, now: float) -> Iterable[str]:
        """Drop the ids of links that are over, some of them up to a slot late, and return them."""
        if (current := _slot(now)) == self._dropped_until:
            return ()
        self._dropped_until = current
        over = [slot for slot in self._slots if slot < current]
        return chain.from_iterable([self._slots.pop(slot) for slot in over])


def _slot(end: float) -> int:
    return int(end // SLOT_SECONDS)
