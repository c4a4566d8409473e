"""Sliding windows in memory: how many URLs each caller got lately. Pure, except for the clock.

The formula is that of the `limits` library, which counts in the shared store: the current window
counts in full, the one before it in proportion to what is left of the current one.
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
    """The URLs of the previous and the current window, and the seconds for which each counts."""

    before: int
    before_left: float
    current: int
    current_left: float

    def wait(self, rate: Rate, urls: int) -> int:
        """Return the whole seconds after which `urls` more are within the rate.

        A window counts for less and less in its last `rate.seconds`.
        """
        room = rate.urls - urls + 1  # the count has to fall below this
        if self.current < room:
            count, left, room = self.before, self.before_left, room - self.current
        else:
            count, left = self.current, self.current_left
        # Not `ceil`: exactly then it would be too soon.
        return max(0, floor(left - room * rate.seconds / max(1, count))) + 1


class _Count:
    __slots__ = ("before", "current", "window")

    def __init__(self, window: int, before: int) -> None:
        self.window = window
        self.before = before
        self.current = 0


class Windows:
    """Counts at most `most` callers for each window length; beyond that the oldest count is
    dropped.
    """

    def __init__(self, now: Callable[[], float], *, most: int = MAX_COUNTS) -> None:
        """`now` returns seconds, and never goes back."""
        self._now = now
        self._most = most
        # Ordered by window, so that expired counts come first.
        self._counts = defaultdict[int, OrderedDict[_Key, _Count]](OrderedDict)

    def __len__(self) -> int:
        return sum(map(len, self._counts.values()))

    def take(self, caller: Caller, rate: Rate, urls: int) -> bool:
        """Count `urls` if they are within the rate. Return whether they are."""
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
        # Each new count drops two expired ones, so no request has to wait for a sweep.
        expired = [key for key, each in islice(counts.items(), 2) if each.window < window - 1]
        for key in expired:
            del counts[key]
        if len(counts) >= self._most:
            counts.popitem(last=False)
        follows = last is not None and last.window == window - 1
        return _Count(window, last.current if last is not None and follows else 0)


def _before_left(now: float, seconds: int) -> float:
    """The formula of `limits`, so that rounding agrees."""
    return (1 - (((now - seconds) / seconds) % 1)) * seconds
