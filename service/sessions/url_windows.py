"""Windows in which equal requests get one URL, and the session that signs in each. Pure.

A window begins at a multiple of its length by the store's clock, so replicas agree on it. Whoever signed
first in a window signs to its end: another session would make another URL.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, Self, TypeVar

S = TypeVar("S")

MAX_KEPT: Final = 64  # a bucket and owner; beyond that the oldest goes
_CLOCKS_DIFFER = 60  # seconds: two sessions need not agree to the second on when a window ended


@dataclass(frozen=True, slots=True)
class Window:
    begins_at: int
    seconds: int

    @classmethod
    def at(cls, now: float, seconds: int) -> Self:
        return cls(int(now // seconds) * seconds, seconds)

    @property
    def ends_at(self) -> int:
        return self.begins_at + self.seconds


class WindowSigners(Generic[S]):
    """Who signs in a window what is asked for in like words (`wish`)."""

    def __init__(self) -> None:
        self._signing: dict[tuple[Window, Hashable], S] = {}

    @property
    def ends_at(self) -> int:
        """When the last of the windows ends."""
        return max((window.ends_at for window, _ in self._signing), default=0)

    def find(self, window: Window, wish: Hashable) -> S | None:
        return self._signing.get((window, wish))

    def keep(self, window: Window, wish: Hashable, signing: S) -> None:
        if (window, wish) in self._signing:
            return
        self._forget(window.begins_at)
        self._signing[window, wish] = signing

    def clear(self) -> None:
        self._signing.clear()

    def _forget(self, now: int) -> None:
        for each in [at for at in self._signing if at[0].ends_at + _CLOCKS_DIFFER < now]:
            del self._signing[each]
        if len(self._signing) >= MAX_KEPT:
            del self._signing[next(iter(self._signing))]
