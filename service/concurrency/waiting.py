"""Limits how many requests wait for an answer from outside: from STS, a store or an issuer.

A waiting request holds one of the `max_in_flight` slots. Each such service may hold up a quarter
of the slots, and all of them together three quarters, so that the others keep working.
"""

import sys
from collections import Counter
from collections.abc import Hashable


class Waiting:
    """Counts waiting requests, by what they wait for."""

    def __init__(self, slots: int = sys.maxsize) -> None:
        self._max_of_each = max(1, slots // 4)
        self._max = max(1, slots * 3 // 4)
        self._waiting = Counter[Hashable]()

    def acquire(self, what: Hashable) -> bool:
        """Return whether one more may wait for it. If so, the caller must call `release` later."""
        if self._waiting[what] >= self._max_of_each or self._waiting.total() >= self._max:
            return False
        self._waiting[what] += 1
        return True

    def release(self, what: Hashable) -> None:
        self._waiting[what] -= 1
        if not self._waiting[what]:
            del self._waiting[what]
