"""What a store of uses and revocations of links must do.

`redis_link_store.py` has one that replicas share, `memory_link_store.py` one of a single process.
"""

from enum import IntEnum
from typing import Final, NamedTuple, Protocol

WINDOW_SECONDS: Final = 600.0  # a use; ranges and resumed downloads belong to it


class Use(IntEnum):
    """What a request to use a link with `max_uses` gets."""

    REFUSED = 0  # all uses are taken, or the store does not know the link
    CONTINUED = 1  # within the window that an earlier request has opened
    OPENED = 2


class Revoked(NamedTuple):
    """Some revoked ids with the ends of their links. `last` is the place of the last one."""

    ends: dict[str, float]
    last: bytes


class LinkStore(Protocol):
    """Replicas share it. All methods except `revoked` raise Overloaded while it is out of reach."""

    async def register(self, link_id: str, max_uses: int, expires_at: int) -> None:
        """Allow a new link this many uses, until it ends."""

    async def use(self, link_id: str) -> Use:
        """Use a link with `max_uses`. Until its window ends, further uses continue this one."""

    async def revoke(self, link_id: str, expires_at: int) -> None:
        """End a link that would end at `expires_at`."""

    async def revoked(self, after: bytes | None) -> Revoked | None:
        """Return the next revocations after the place `after`, in order, or None if there are none.

        They are few enough for one answer. Raises any error of the client, and has no deadline of
        its own.
        """
