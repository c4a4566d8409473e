"""Listings that are kept for some seconds, and made once however many requests wait for one."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from service.api.limits import ConcurrencyLimiter
from service.api.request_state import CallerId
from service.clock import Clock
from service.concurrency.waiting import Waiting
from service.errors import Overloaded, PresignError, StorageRefused, StorageUnavailable

V = TypeVar("V")

KEPT_SECONDS: Final = 5.0
MAX_LISTINGS: Final = 256
MAX_AT_ONCE: Final = 32  # one of 10,000 keys takes up to 6 MB; a caller alone gets half of them
MAX_KEYS: Final = 50_000  # of all listings; each takes some 600 bytes
# A store would refuse all that wait as it refused one. Other refusals concern one caller only.
_OF_THE_STORE: Final = (StorageRefused, StorageUnavailable)


@dataclass(frozen=True, slots=True)
class Listing(Generic[V]):
    """`keys` is how many there are in the value. `made_at` is by `Clock.boot`."""

    value: V
    keys: int
    made_at: float


class CachedListings(Generic[V]):
    def __init__(self, clock: Clock, waiting: Waiting, count: Callable[[V], int]) -> None:
        """`waiting` limits how many requests wait. `count` returns the keys of a value."""
        self._clock = clock
        self._limiter = ConcurrencyLimiter(MAX_AT_ONCE, "Too many listings are in progress.")
        self._waiting = waiting
        self._count = count
        self._kept = OrderedDict[Hashable, Listing[V]]()
        self._keys = 0
        self._in_progress: dict[Hashable, asyncio.Future[PresignError | None]] = {}

    async def get(
        self,
        at: Hashable,
        make: Callable[[], Awaitable[V]],
        bucket: str,
        caller_id: CallerId,
        max_age: float = KEPT_SECONDS,
    ) -> tuple[V, bool]:
        """Return the listing `at`, and whether `make` made it for this request.

        It is not called if the listing is there, or if another request makes it; if that one is
        refused for a reason of its own, it is called then. Raises what `make` raises, and
        Overloaded if too many requests wait for this bucket, or make listings.
        """
        while (found := self._find(at, max_age)) is None:
            if (other := self._in_progress.get(at)) is None:
                return await self._make(at, make, caller_id), True
            if (failure := await self._wait(other, bucket)) is not None:
                raise failure
        return found.value, False

    def _find(self, at: Hashable, max_age: float) -> Listing[V] | None:
        found = self._kept.get(at)
        return None if found is None or self._age(found) >= max_age else found

    async def _make(self, at: Hashable, make: Callable[[], Awaitable[V]], caller_id: CallerId) -> V:
        """Only a failure of the store ends the others' wait with an error."""
        self._limiter.acquire(caller_id)
        done = self._in_progress[at] = asyncio.get_running_loop().create_future()
        failure: PresignError | None = None
        try:
            value = await make()
            self._keep(at, Listing(value, self._count(value), self._clock.boot()))
        except _OF_THE_STORE as error:
            failure = type(error)(error.detail, retry_after=error.retry_after)
            raise
        finally:
            self._limiter.release(caller_id)
            del self._in_progress[at]
            done.set_result(failure)
        return value

    async def _wait(
        self, other: "asyncio.Future[PresignError | None]", bucket: str
    ) -> PresignError | None:
        awaited = ("listing", bucket)
        if not self._waiting.acquire(awaited):
            raise Overloaded("Too many requests wait for this listing.", retry_after=1)
        try:
            failure = await asyncio.shield(other)
        finally:
            self._waiting.release(awaited)
        return None if failure is None else type(failure)(failure.detail)

    def _keep(self, at: Hashable, listing: Listing[V]) -> None:
        self._drop(at)
        while self._kept and (self._is_full(listing) or self._is_old(next(iter(self._kept)))):
            self._drop(next(iter(self._kept)))
        self._kept[at] = listing
        self._keys += listing.keys

    def _is_full(self, listing: Listing[V]) -> bool:
        return len(self._kept) >= MAX_LISTINGS or self._keys + listing.keys > MAX_KEYS

    def _is_old(self, at: Hashable) -> bool:
        return self._age(self._kept[at]) >= KEPT_SECONDS

    def _age(self, listing: Listing[V]) -> float:
        return self._clock.boot() - listing.made_at

    def _drop(self, at: Hashable) -> None:
        if (dropped := self._kept.pop(at, None)) is not None:
            self._keys -= dropped.keys
