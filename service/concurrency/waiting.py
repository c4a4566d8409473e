"""How many requests may wait for an answer from outside: from STS, a store or an issuer.

A request that waits holds one of the `max_in_flight` places. So that whatever hangs leaves the others
theirs, each may have a quarter of the places, and all of them together three quarters.
"""

import sys
from collections import Counter
from collections.abc import Hashable


class Waiting:
    """Requests that wait, by what they wait for."""

    def __init__(self, places: int = sys.maxsize) -> None:
        self._most_of_each = max(1, places // 4)
        self._most = max(1, places * 3 // 4)
        self._waiting = Counter[Hashable]()

    def enter(self, what: Hashable) -> bool:
        """Whether one more may wait for it; then `leave` must follow."""
        if self._waiting[what] >= self._most_of_each or self._waiting.total() >= self._most:
            return False
        self._waiting[what] += 1
        return True

    def leave(self, what: Hashable) -> None:
        self._waiting[what] -= 1
        if not self._waiting[what]:
            del self._waiting[what]
