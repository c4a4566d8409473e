"""Windows in which equal requests get the same URL, and the session that signs in each. Pure.

A window starts at a multiple of its length by the store's clock, so replicas agree on it. The
session that signs first in a window signs until its end: another session would give another URL.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, Self, TypeVar

from service.concurrency.bounded_dict import BoundedDict

S = TypeVar("S")

MAX_KEPT: Final = 64  # for each bucket and owner
_MAX_CLOCK_DIFFERENCE = 60  # seconds between the ends of one window by two sessions' clocks


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


class StableSigners(Generic[S]):
    """Remembers which session signs requests of one shape in one window.

    A shape is what their lifetime depends on, apart from the window and the session.
    """

    def __init__(self) -> None:
        self._signing: BoundedDict[tuple[Window, Hashable], S] = BoundedDict(MAX_KEPT)

    @property
    def ends_at(self) -> int:
        """The end of the last window."""
        return max((window.ends_at for window, _ in self._signing), default=0)

    def find(self, window: Window, shape: Hashable) -> S | None:
        return self._signing.get((window, shape))

    def bind(self, window: Window, shape: Hashable, signing: S) -> None:
        """Let `signing` sign in this window, unless another session already does."""
        if (window, shape) in self._signing:
            return
        ended_before = window.begins_at - _MAX_CLOCK_DIFFERENCE
        for key in [each for each in self._signing if each[0].ends_at < ended_before]:
            del self._signing[key]
        self._signing[window, shape] = signing

    def clear(self) -> None:
        self._signing.clear()
