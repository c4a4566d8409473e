"""A JwksCache in virtual time (`tests/support/virtual_time.py`), and an issuer that may fail or hang."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from service.auth.jwks_cache import JwksCache
from service.auth.jwks_client import KeysUnavailable
from service.concurrency.waiting import Waiting
from service.errors import Overloaded
from tests.auth.mint import ed_key, jwk, jwks
from tests.support.observers import NullObserver
from tests.support.virtual_time import FakeClock, loop_clock

AT_ONCE = 0.01  # seconds
DOWN = KeysUnavailable("no response: ConnectError")


class FakeKeySource:
    """Responds after `delay` seconds. Its attributes may be changed at any time."""

    def __init__(self, clock: FakeClock, *kids: str) -> None:
        self.delay = 0.1
        self.error: BaseException | None = None
        self.hangs = False
        self.fetched_at: list[float] = []
        self.document = b""
        self._clock = clock
        self.publish(*kids)

    def publish(self, *kids: str) -> None:
        """Publish a key for each `kid`, always the same one for the same `kid`."""
        self.document = jwks(*(jwk(ed_key(kid), kid) for kid in kids))

    async def fetch(self) -> bytes:
        self.fetched_at.append(self._clock.boot())
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        return self.document


@dataclass
class Harness:
    clock: FakeClock
    source: FakeKeySource
    keys: JwksCache

    async def refusal(self, kid: str = "one") -> Overloaded:
        with pytest.raises(Overloaded) as refused:
            await self.keys.find(kid)
        return refused.value


def make_harness(
    *kids: str, jitter: Callable[[], float] = lambda: 0.0, waiting: Waiting | None = None
) -> Harness:
    """An issuer with these keys; `one` by default."""
    clock = loop_clock()
    source = FakeKeySource(clock, *(kids or ("one",)))
    keys = JwksCache(
        source,
        name="cluster-a",
        clock=clock,
        jitter=jitter,
        observer=NullObserver(),
        waiting=waiting,
    )
    return Harness(clock, source, keys)


async def make_warm_harness(*kids: str) -> Harness:
    """Its keys have been fetched, and the next attempt may start."""
    harness = make_harness(*kids)
    harness.keys.start()
    await asyncio.sleep(31)
    return harness


def found_at_once(harness: Harness, kid: str = "one") -> bool:
    """Return whether it is found without waiting."""
    try:
        harness.keys.find(kid).send(None)
    except StopIteration as ended:
        return ended.value is not None
    return False


def pauses(harness: Harness) -> list[float]:
    return [later - sooner for sooner, later in pairwise(harness.source.fetched_at)]
