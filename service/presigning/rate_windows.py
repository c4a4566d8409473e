"""Sliding windows, counted in memory: how many URLs each caller has had of late. Pure, but for the clock.

The formula is that of the `limits` library, which counts in a shared store: what was counted in the
current window, and a share of the window before, which falls to nothing as the current one passes.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from itertools import islice
from math import floor
from typing import Final, NamedTuple

from service.access.callers import Rate
from service.access.grants import Caller

MAX_COUNTS: Final = 32_768  # of each window length; some 300 bytes each
_Key = tuple[str | None, str, int]


class Counted(NamedTuple):
    """The URLs of the window before and of the current one, and the seconds that each still counts."""

    before: int
    before_left: float
    current: int
    current_left: float

    def wait(self, rate: Rate, urls: int) -> int:
        """Whole seconds after which `urls` more are within the rate, if nobody else asks.

        In its last `rate.seconds` a window counts for less and less.
        """
        room = rate.urls - urls + 1  # what counts has to be less
        if self.current < room:
            count, left, room = self.before, self.before_left, room - self.current
        else:
            count, left = self.current, self.current_left
        # Not `ceil`: at that very moment it is too soon.
        return max(0, floor(left - room * rate.seconds / max(1, count))) + 1


class _Count:
    __slots__ = ("before", "current", "window")

    def __init__(self, window: int, before: int) -> None:
        self.window = window
        self.before = before
        self.current = 0


class Windows:
    """At most `most` callers for each window length; beyond that the count that began first goes."""

    def __init__(self, now: Callable[[], float], *, most: int = MAX_COUNTS) -> None:
        """`now` is in seconds, and never goes back."""
        self._now = now
        self._most = most
        # In the order of their windows, so that those that are over come first.
        self._counts = defaultdict[int, OrderedDict[_Key, _Count]](OrderedDict)

    def __len__(self) -> int:
        return sum(map(len, self._counts.values()))

    def take(self, caller: Caller, rate: Rate, urls: int) -> bool:
        """Whether `urls` are within the rate; then they are counted."""
        now, seconds = self._now(), rate.seconds
        count = self._count(caller, rate, int(now / seconds))
        used = float(count.current)
        if count.before:
            used += count.before * _before_left(now, seconds) / seconds
        if floor(used) + urls > rate.urls:
            return False
        count.current += urls
        return True

    def counted(self, caller: Caller, rate: Rate) -> Counted:
        now, seconds = self._now(), rate.seconds
        count = self._count(caller, rate, int(now / seconds))
        left = _before_left(now, seconds)
        return Counted(count.before, left if count.before else 0.0, count.current, left + seconds)

    def _count(self, caller: Caller, rate: Rate, window: int) -> _Count:
        counts = self._counts[rate.seconds]
        key = (caller.issuer, caller.subject, rate.urls)
        count = counts.get(key)
        if count is None or count.window != window:
            count = counts[key] = self._opened(counts, counts.pop(key, None), window)
        return count

    def _opened(
        self, counts: OrderedDict[_Key, _Count], last: _Count | None, window: int
    ) -> _Count:
        # Two that are over for each that comes: so they become fewer, and nobody waits for a sweep.
        over = [key for key, each in islice(counts.items(), 2) if each.window < window - 1]
        for key in over:
            del counts[key]
        if len(counts) >= self._most:
            counts.popitem(last=False)
        follows = last is not None and last.window == window - 1
        return _Count(window, last.current if last is not None and follows else 0)


def _before_left(now: float, seconds: int) -> float:
    """The library's own expression: another would round otherwise."""
    return (1 - (((now - seconds) / seconds) % 1)) * seconds
