"""Counts in memory, for `limits`: its own storage, but for how it forgets.

The library's walks all callers for each hit, in a task of its own: with 4,000 callers that costs as
much CPU as signing eighty URLs. Here what is counted and by which formula is the library's to the
letter, and a window is forgotten when its time is over, by whichever hit comes next. Nothing is
awaited between looking and counting, so there is no lock.
"""

import heapq
import time
from functools import lru_cache
from math import floor

from limits.aio.storage import MemoryStorage

from service.access.callers import Rate


class Windows(MemoryStorage):
    STORAGE_SCHEME = []  # noqa: RUF012 - as the library has it; made here and nowhere else: no URL names it

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[tuple[float, str]] = []  # a heap

    async def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        return self.take(key, Rate(limit, expiry), amount)

    def take(self, key: str, rate: Rate, amount: int) -> bool:
        """As `acquire_sliding_window_entry`, which awaits nothing here."""
        expiry = rate.seconds
        now = time.time()
        if self._ends and self._ends[0][0] <= now:
            self._forget(now)
        before_key, key = _keys(key, expiry, int(now / expiry))
        before, count = self.storage.get(before_key, 0), self.storage.get(key, 0)
        before_left = (1 - (((now - expiry) / expiry) % 1)) * expiry
        if floor(before * before_left / expiry + count) + amount > rate.urls:
            return False
        if not count:
            self._open(
                key, now + 2 * expiry
            )  # it counts, for less and less, in the next window too
        self.storage[key] = count + amount
        return True

    def _open(self, key: str, end: float) -> None:
        self.expirations[key] = end
        heapq.heappush(self._ends, (end, key))

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, key = heapq.heappop(self._ends)
            self.storage.pop(key, None)
            self.expirations.pop(key, None)


@lru_cache(maxsize=4096)
def _keys(key: str, expiry: int, window: int) -> tuple[str, str]:
    return MemoryStorage.sliding_window_keys(key, expiry, (window + 0.5) * expiry)
