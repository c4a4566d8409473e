"""How many requests may be under way, in all and of one caller. Those beyond get 503 at once.

The gateway never limits health and metrics: a full service must not be restarted for being full.
"""

from typing import Final

from service.errors import Overloaded

Owner = tuple[str | None, str]  # a caller's issuer and subject: cheaper to look up than a `Caller`

_RETRY_AFTER: Final = 1  # seconds
REQUEST_OWNER: Final = "place_owner"  # in a scope's state: the caller that holds the place


class ConcurrencyLimiter:
    """Places that callers share. One caller has at most as many as it leaves free.

    So one caller alone gets half of them, and a second one still gets a quarter.
    """

    def __init__(self, limit: int, full: str = "Too many requests are in progress.") -> None:
        """`full` is what a caller reads if there is no place."""
        self._free = limit
        self._full = full
        self._held: dict[Owner, int] = {}

    def acquire(self, owner: Owner | None = None) -> None:
        """Raises Overloaded. A place without an owner is nobody's until `assign`."""
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
        if (held := self._held[owner] - 1) == 0:
            del self._held[owner]
        else:
            self._held[owner] = held


def _too_many() -> Overloaded:
    return Overloaded("You have too many requests in progress.", retry_after=_RETRY_AFTER)
