"""Refuses callers over their rate before their next body is read.

Parsing a batch takes up to 10 ms, only to count its items. So a refusal is remembered until its
`Retry-After` has passed, but not for long.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from service.access.callers import Rate
from service.api.body import MAX_BODY_BYTES
from service.api.concurrency import Owner
from service.errors import RateLimited

LONGEST: Final = 10.0  # seconds
_MIN_SHARE: Final = 0.75  # of the refused batch: a smaller one may pass, so it is read
_MAX_CALLERS: Final = 4096


class _Refused(NamedTuple):
    rate: Rate
    until: float
    min_length: float  # bytes: shorter bodies are read


class RecentlyRefused:
    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is in seconds."""
        self._now = now
        self._refused: dict[Owner, _Refused] = {}

    def add(
        self, owner: Owner, rate: Rate, error: RateLimited, *, length: int, batch: bool
    ) -> None:
        """Remember that a request with a body of `length` bytes was refused.

        If one URL is too many, every request is. If a batch is too many, a smaller one may pass.
        """
        if batch and length <= MAX_BODY_BYTES:
            return  # cheap to read
        until = self._now() + min(error.retry_after or 0, LONGEST)
        if len(self._refused) >= _MAX_CALLERS and owner not in self._refused:
            del self._refused[next(iter(self._refused))]
        self._refused[owner] = _Refused(rate, until, length * _MIN_SHARE if batch else 0)

    def check(self, owner: Owner, rate: Rate | None, length: int) -> None:
        """Raises RateLimited if a body of `length` bytes need not be read."""
        found = self._refused.get(owner)
        if found is None:
            return
        left = found.until - self._now()
        if left <= 0 or found.rate != rate:
            del self._refused[owner]
        elif length >= found.min_length:
            raise RateLimited(
                f"At most {found.rate.urls} URLs in {found.rate.seconds} s are allowed.",
                retry_after=math.ceil(left),
            )

    def knows(self, owner: Owner) -> bool:
        return owner in self._refused
