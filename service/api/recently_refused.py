"""Callers whom their rate has just refused are refused again before their next body is read.

To read and parse a batch takes up to 10 ms, only to count its items. So what a rate has refused is
remembered for as long as the caller was told to wait, though never for long.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from service.access.callers import Rate
from service.api.body import MAX_BODY_BYTES
from service.api.concurrency import Owner
from service.errors import RateLimited

LONGEST: Final = 10.0  # seconds
_AS_LONG: Final = 0.75  # a batch that was cut in half is read
_MOST_CALLERS: Final = 4096


class _Refused(NamedTuple):
    rate: Rate
    until: float
    least: float  # bytes: shorter bodies are read


class RecentlyRefused:
    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is in seconds."""
        self._now = now
        self._refused: dict[Owner, _Refused] = {}

    def add(
        self, owner: Owner, rate: Rate, error: RateLimited, *, length: int, batch: bool
    ) -> None:
        """A request with a body of `length` bytes was refused.

        If one URL is too much, everything is. If a batch is too much, a smaller one may pass.
        """
        if batch and length <= MAX_BODY_BYTES:
            return  # cheap to read
        until = self._now() + min(error.retry_after or 0, LONGEST)
        if len(self._refused) >= _MOST_CALLERS and owner not in self._refused:
            del self._refused[next(iter(self._refused))]
        self._refused[owner] = _Refused(rate, until, length * _AS_LONG if batch else 0)

    def check(self, owner: Owner, rate: Rate | None, length: int) -> None:
        """Raises RateLimited if a body of `length` bytes need not be read."""
        found = self._refused.get(owner)
        if found is None:
            return
        left = found.until - self._now()
        if left <= 0 or found.rate != rate:
            del self._refused[owner]
        elif length >= found.least:
            raise RateLimited(
                f"At most {found.rate.urls} URLs in {found.rate.seconds} s are allowed.",
                retry_after=math.ceil(left),
            )

    def knows(self, owner: Owner) -> bool:
        return owner in self._refused
