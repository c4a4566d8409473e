"""Limits how many requests run at a time, in total and per caller. More get 503 at once.

The gateway never limits health and metrics: a full service must not be restarted for being full.
"""

from typing import Final

from service.errors import Overloaded

Owner = tuple[str | None, str]  # a caller's issuer and subject: cheaper to look up than a `Caller`

REQUEST_OWNER: Final = "place_owner"  # in a scope's state: the caller that holds the place
_RETRY_AFTER: Final = 1  # seconds


class ConcurrencyLimiter:
    """Places that callers share. One caller has at most as many as it leaves free.

    So one caller alone gets half of them, and a second one still gets a quarter.
    """

    def __init__(self, limit: int, full: str = "Too many requests are in progress.") -> None:
        """`full` is the detail of the error if there is no place."""
        self._free = limit
        self._full = full
        self._held: dict[Owner, int] = {}

    def acquire(self, owner: Owner | None = None) -> None:
        """Take a place. Without `owner`, `assign` gives it to a caller later. Raises Overloaded."""
        free = self._free
        if free <= 0:
            raise Overloaded(self._full, retry_after=_RETRY_AFTER)
        if owner is not None:
            held = self._held.get(owner, 0)
            if held >= free:
                raise _too_many()
            self._held[owner] = held + 1
        self._free = free - 1

    def assign(self, owner: Owner) -> None:
        """Give a place that was taken to a caller. Raises Overloaded if the caller has too many."""
        held = self._held.get(owner, 0)
        if held > self._free:
            raise _too_many()
        self._held[owner] = held + 1

    def release(self, owner: Owner | None = None) -> None:
        self._free += 1
        if owner is None:
            return
        held = self._held[owner] - 1
        if held:
            self._held[owner] = held
        else:
            del self._held[owner]


def _too_many() -> Overloaded:
    return Overloaded("You have too many requests in progress.", retry_after=_RETRY_AFTER)
