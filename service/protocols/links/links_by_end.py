"""Ids of links, kept until their links end."""

from collections.abc import Iterable
from itertools import chain
from typing import Final

SLOT_SECONDS: Final = 900


class LinksByEnd:
    """A set of ids in slots of time, by the ends of their links.

    What is over is dropped a slot at a time, so nothing ever looks at all ids, or copies them.
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
