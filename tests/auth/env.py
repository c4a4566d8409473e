"""A JwksCache in virtual time (`tests/support/fakes.py`), and an issuer that may fail or hang."""

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
from tests.support.fakes import FakeClock, loop_clock

AT_ONCE = 0.01  # seconds
DOWN = KeysUnavailable("no response: ConnectError")


class FakeKeySource:
    """Responds after `delay` seconds. Its attributes may be changed at any time."""

    def __init__(self, clock: FakeClock, *kids: str) -> None:
        self.delay = 0.1
        self.fault: BaseException | None = None
        self.hangs = False
        self.asked_at: list[float] = []
        self.document = b""
        self._clock = clock
        self.publish(*kids)

    def publish(self, *kids: str) -> None:
        """Publish a key for each `kid`, always the same one for the same `kid`."""
        self.document = jwks(*(jwk(ed_key(kid), kid) for kid in kids))

    async def fetch(self) -> bytes:
        self.asked_at.append(self._clock.boot())
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)
        if self.fault is not None:
            raise self.fault
        return self.document


@dataclass
class Env:
    clock: FakeClock
    source: FakeKeySource
    keys: JwksCache

    async def refusal(self, kid: str = "one") -> Overloaded:
        with pytest.raises(Overloaded) as refused:
            await self.keys.find(kid)
        return refused.value


def make_env(
    *kids: str, chance: Callable[[], float] = lambda: 0.0, waiting: Waiting | None = None
) -> Env:
    """An issuer with these keys; `one` by default."""
    clock = loop_clock()
    source = FakeKeySource(clock, *(kids or ("one",)))
    keys = JwksCache(source, name="cluster-a", clock=clock, chance=chance, waiting=waiting)
    return Env(clock, source, keys)


async def make_warm_env(*kids: str) -> Env:
    """Its keys have been fetched, and the next attempt may start."""
    env = make_env(*kids)
    env.keys.start()
    await asyncio.sleep(31)
    return env


def found_at_once(env: Env, kid: str = "one") -> bool:
    """Return whether it is found without waiting."""
    try:
        env.keys.find(kid).send(None)
    except StopIteration as ended:
        return ended.value is not None
    return False


def pauses(env: Env) -> list[float]:
    return [later - sooner for sooner, later in pairwise(env.source.asked_at)]
