"""Replicas that count URLs, each for itself or in a store that they share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from service.access.callers import Rate
from service.access.grants import Caller
from service.errors import RateLimited
from service.presigning.rate_limits import RateLimits
from service.presigning.rate_store import RedisWindows
from tests.support.factories import CALLER
from tests.support.virtual_time import FakeClock

MINUTE: Final = 60
TEN: Final = Rate(10, MINUTE)
OTHER: Final = Caller(issuer="cluster-a", subject="billing")
PASSWORD: Final = "sentinel-password"
PATIENCE: Final = 10.0  # seconds for the store, however busy the machine is


@dataclass
class Replica:
    """One process's limits, and how often its store failed."""

    url: str | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    failures: int = 0
    store_seconds: float = PATIENCE

    def __post_init__(self) -> None:
        seconds = 4 * self.store_seconds
        self.limits = RateLimits(
            None if self.url is None else RedisWindows(self.url, seconds=seconds),
            clock=self.clock,
            on_failure=self._failed,
            store_seconds=self.store_seconds,
        )

    def _failed(self) -> None:
        self.failures += 1

    async def take(self, urls: int, rate: Rate = TEN, caller: Caller = CALLER) -> None:
        await self.limits.take(caller, rate, urls)

    async def refusal(self, urls: int, rate: Rate = TEN) -> RateLimited:
        with pytest.raises(RateLimited) as refused:
            await self.take(urls, rate)
        return refused.value


@asynccontextmanager
async def make_replicas(
    url: str | None, count: int = 1, store_seconds: float = PATIENCE
) -> AsyncIterator[list[Replica]]:
    async with AsyncExitStack() as stack:
        made = [Replica(url, store_seconds=store_seconds) for _ in range(count)]
        for replica in made:
            stack.push_async_callback(replica.limits.close)
        yield made


async def send_burst(replica: Replica, size: int = 50) -> None:
    asked = [replica.take(1) for _ in range(size)]
    await asyncio.gather(*asked, return_exceptions=True)
