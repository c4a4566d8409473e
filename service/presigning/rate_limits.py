"""Rate limits: how many URLs each caller gets, counted in memory or in a store that replicas share.

An unavailable store costs neither time nor the limits: it is not called for a while, and each
replica counts in memory.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from service.access.callers import Rate
from service.access.grants import Caller
from service.clock import Clock
from service.concurrency.store_calls import NoSlot, StoreCalls, StoreFails, Unanswered
from service.errors import RateLimited
from service.presigning.rate_windows import Windows

STORE_SECONDS: Final = 0.25  # for the store's answer


class RateStore(Protocol):
    async def take(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """Count `urls` and return None if they are within the rate; else return the seconds to
        wait.
        """

    async def close(self) -> None: ...


class RateLimits:
    def __init__(
        self,
        store: RateStore | None,
        *,
        clock: Clock,
        on_failure: Callable[[], None],
        store_seconds: float = STORE_SECONDS,
    ) -> None:
        """Without `store`, counts in memory.

        `on_failure` is called for each request that is counted in memory because the store fails.
        """
        self._store = store
        self._calls = StoreCalls("rate limit store", now=clock.boot, seconds=store_seconds)
        self._windows = Windows(clock.boot)
        self._on_failure = on_failure

    def try_take(self, caller: Caller, rate: Rate, urls: int) -> bool:
        """Count `urls` without waiting, if rates are counted in memory. Return whether it did.

        If it did not, call `take`.
        """
        return self._store is None and self._windows.take(caller, rate, urls)

    async def take(self, caller: Caller, rate: Rate, urls: int) -> None:
        """Count `urls` against the caller's rate.

        Raises RateLimited; then none of them is counted.
        """
        never = urls > rate.urls
        wait = rate.seconds if never else await self._wait(caller, rate, urls)
        if wait is not None:
            advice = ": ask for fewer at once" if never else ""
            detail = f"At most {rate.urls} URLs in {rate.seconds} s are allowed{advice}."
            raise RateLimited(detail, retry_after=wait, urls=urls)

    async def close(self) -> None:
        await self._calls.close()
        if self._store is not None:
            await self._store.close()

    async def _wait(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        """As `RateStore.take`."""
        if self._store is not None:
            try:
                return await self._calls.result_of(partial(self._store.take, caller, rate, urls))
            except StoreFails:
                self._on_failure()
            except Unanswered:
                pass
            except NoSlot:
                detail = "Too many requests are waiting to be counted."
                raise RateLimited(detail, retry_after=1, urls=0) from None
        if self._windows.take(caller, rate, urls):
            return None
        return self._windows.counted(caller, rate).wait(rate, urls)
