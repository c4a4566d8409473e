"""A store that is slow, hangs or fails, in virtual time: what a request waits for, and what it means."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import pytest

from service.access.callers import Rate
from service.access.grants import Caller
from service.concurrency.store_calls import MAX_CALLS, PAUSE_SECONDS, SLOT_WAIT_SECONDS
from service.errors import RateLimited
from service.presigning.rate_limits import STORE_SECONDS, RateLimits
from service.presigning.rate_windows import Windows
from tests.support.factories import CALLER
from tests.support.virtual_time import FakeClock, in_virtual_time, loop_clock

TEN: Final = Rate(10, 3600)
BURST: Final = 512


class FakeStore:
    """Answers after `delay` seconds, or raises `error`; its attributes may be changed at any time."""

    def __init__(self, clock: FakeClock) -> None:
        self.windows = Windows(clock.boot)
        self.delay = 0.004
        self.error: Exception | None = None
        self.hangs = False
        self.is_stubborn = False
        self.calls = self.in_flight = self.most_in_flight = 0

    async def take(self, caller: Caller, rate: Rate, urls: int) -> int | None:
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self._answer()
        except asyncio.CancelledError:
            if not self.is_stubborn:
                raise
            await asyncio.sleep(60)
        finally:
            self.in_flight -= 1
        if self.error is not None:
            raise self.error
        return None if self.windows.take(caller, rate, urls) else 60

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)

    async def close(self) -> None: ...


@dataclass
class Harness:
    """A replica that shares its counts. `passed` are the URLs that were let through."""

    clock: FakeClock = field(default_factory=loop_clock)
    failures: int = 0
    passed: int = 0

    def __post_init__(self) -> None:
        self.store = FakeStore(self.clock)
        self.limits = RateLimits(self.store, clock=self.clock, on_failure=self._failed)

    def _failed(self) -> None:
        self.failures += 1

    async def request(self, caller: Caller = CALLER) -> RateLimited | None:
        try:
            await self.limits.take(caller, TEN, 1)
        except RateLimited as refused:
            return refused
        self.passed += 1
        return None

    async def burst(self, size: int = BURST) -> list[RateLimited | None]:
        return await asyncio.gather(*(self.request() for _ in range(size)))


@in_virtual_time
async def test_a_burst_at_a_slow_store_stays_within_the_limit() -> None:
    harness = Harness()
    await harness.burst()
    assert harness.passed == 10
    for _ in range(1000):
        await harness.request()
    assert (harness.passed, harness.failures) == (10, 0)
    assert harness.store.most_in_flight == MAX_CALLS


@in_virtual_time
async def test_many_callers_within_their_rates_pass_however_long_the_queue() -> None:
    harness = Harness()
    callers = [Caller(issuer=None, subject=str(number)) for number in range(BURST)]
    refused = await asyncio.gather(*(harness.request(caller) for caller in callers))
    assert refused == [None] * BURST


@in_virtual_time
async def test_a_busy_loop_is_no_failure_of_the_store() -> None:
    harness = Harness()
    pending = [asyncio.ensure_future(harness.request()) for _ in range(20)]
    for _ in range(30):  # the loop is held for 0.3 s at a time
        await asyncio.sleep(0)
        harness.clock.move(0.3)
    await asyncio.gather(*pending)
    for _ in range(1000):
        await harness.request()
    assert harness.failures == 0
    assert harness.passed <= 20
    assert harness.store.calls == 1020


@in_virtual_time
async def test_a_response_that_is_read_too_late_counts_in_memory() -> None:
    """The next call goes to the store: nothing is paused."""
    harness = Harness()
    harness.store.hangs = True
    pending = asyncio.ensure_future(harness.burst(20))
    while not pending.done():
        await asyncio.sleep(STORE_SECONDS / 10)
        harness.clock.move(STORE_SECONDS)
    assert (harness.passed, harness.failures) == (10, 0)
    harness.store.hangs = False
    calls = harness.store.calls
    await harness.request()
    assert harness.store.calls == calls + 1


@in_virtual_time
async def test_a_full_queue_refuses_its_callers_and_is_no_failure() -> None:
    harness = Harness()
    harness.store.delay = STORE_SECONDS * 0.9
    began = harness.clock.boot()
    refused = [each for each in await harness.burst() if each is not None]
    assert harness.clock.boot() - began < SLOT_WAIT_SECONDS + STORE_SECONDS + 0.01
    waited_in_vain = [each for each in refused if "waiting to be counted" in each.detail]
    assert {each.retry_after for each in waited_in_vain} == {1}
    assert BURST - 4 * MAX_CALLS <= len(waited_in_vain) < BURST - MAX_CALLS
    assert harness.failures == 0
    harness.store.delay = 0.004
    assert await harness.request(Caller(issuer=None, subject="other")) is None


@pytest.mark.parametrize(
    "error", [ConnectionError(), RuntimeError("OOM command not allowed"), None], ids=str
)
@in_virtual_time
async def test_a_store_that_is_away_leaves_the_limit_in_memory(error: Exception | None) -> None:
    harness = Harness()
    harness.store.error, harness.store.hangs = error, error is None
    await harness.burst()
    assert (harness.passed, harness.failures) == (10, BURST)
    assert harness.store.calls <= 2 * MAX_CALLS  # then it is left alone
    for _ in range(1000):
        await harness.request()
    assert harness.passed == 10


@in_virtual_time
async def test_a_store_that_hangs_delays_only_the_first_requests() -> None:
    harness = Harness()
    harness.store.hangs = True
    began = harness.clock.boot()
    await harness.burst()
    assert harness.clock.boot() - began == pytest.approx(STORE_SECONDS, abs=0.01)
    await harness.request()
    assert harness.clock.boot() - began == pytest.approx(STORE_SECONDS, abs=0.02)
    await asyncio.sleep(PAUSE_SECONDS)
    harness.store.hangs = False
    await harness.request()
    assert harness.failures == BURST + 1


@in_virtual_time
async def test_a_call_that_ignores_its_cancellation_keeps_its_slot() -> None:
    """Otherwise a client that ignores its cancellation would make more and more calls."""
    harness = Harness()
    harness.store.hangs = harness.store.is_stubborn = True
    for _ in range(3):
        await harness.burst(MAX_CALLS)
        await asyncio.sleep(PAUSE_SECONDS + 0.1)
    assert harness.store.most_in_flight == MAX_CALLS


@in_virtual_time
async def test_requests_that_go_away_give_their_turns_back() -> None:
    harness = Harness()
    harness.store.hangs = True
    pending = [asyncio.ensure_future(harness.request()) for _ in range(3 * MAX_CALLS)]
    await asyncio.sleep(0.01)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    harness.store.hangs = False
    await harness.burst(MAX_CALLS)
    assert (harness.passed, harness.failures) == (10, 0)
    assert harness.store.in_flight == 0
