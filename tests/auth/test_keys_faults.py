"""Issuers that are down or hang, floods of unknown keys, and bugs."""

import asyncio
import logging
import math

import pytest

from service.auth.jwks_cache import (
    NO_KEYS,
    REFRESH_SECONDS,
    RETRY_SECONDS,
    STALE_SECONDS,
    WAIT_SECONDS,
    JwksCache,
)
from tests.auth.harness import (
    AT_ONCE,
    DOWN,
    FakeKeySource,
    found_at_once,
    make_harness,
    make_warm_harness,
    pauses,
)
from tests.auth.mint import jwks
from tests.support.observers import NullObserver
from tests.support.virtual_time import FakeClock, in_virtual_time, loop_clock


@in_virtual_time
@pytest.mark.parametrize("fault", [None, DOWN], ids=["up", "down"])
async def test_a_flood_of_unknown_keys_asks_once_in_thirty_seconds(fault: Exception | None) -> None:
    harness = await make_warm_harness()
    harness.source.error = fault
    for second in range(300):
        assert await harness.keys.find(f"forged-{second}") is None
        assert found_at_once(harness)
        await asyncio.sleep(1)
    assert len(harness.source.fetched_at) >= 10
    assert min(pauses(harness)) >= RETRY_SECONDS


@in_virtual_time
async def test_a_flood_without_keys_asks_once_in_thirty_seconds() -> None:
    harness = make_harness()
    harness.source.error = DOWN
    harness.keys.start()
    for _ in range(300):
        await harness.refusal()
        await asyncio.sleep(1)
    assert len(harness.source.fetched_at) >= 10
    assert min(pauses(harness)) >= RETRY_SECONDS


@in_virtual_time
async def test_a_hanging_issuer_delays_no_known_key() -> None:
    harness = await make_warm_harness()
    harness.source.hangs = True
    began = harness.clock.boot()
    waiting = asyncio.ensure_future(harness.keys.find("forged"))
    await asyncio.sleep(1)
    assert len(harness.source.fetched_at) == 2
    assert found_at_once(harness)
    assert await waiting is None
    assert harness.clock.boot() - began == pytest.approx(WAIT_SECONDS, abs=AT_ONCE)


@in_virtual_time
async def test_a_hanging_attempt_ends_and_is_repeated() -> None:
    harness = make_harness()
    harness.source.hangs = True
    harness.keys.start()
    await asyncio.sleep(20)
    harness.source.hangs = False
    await asyncio.sleep(11)
    assert found_at_once(harness)
    assert pauses(harness) == pytest.approx([RETRY_SECONDS], abs=0.01)


@in_virtual_time
async def test_without_keys_retry_after_is_the_next_attempt() -> None:
    harness = make_harness()
    harness.source.error = DOWN
    first = await harness.refusal()
    assert (first.detail, first.retry_after) == (NO_KEYS, 30)
    await asyncio.sleep(20)
    assert (await harness.refusal()).retry_after == 10
    await asyncio.sleep(9.8)
    assert (await harness.refusal()).retry_after == 1


@in_virtual_time
async def test_keys_stay_in_use_for_a_day_without_issuer() -> None:
    harness = await make_warm_harness()
    fetched_at = harness.source.fetched_at[-1]
    harness.source.error = DOWN
    await asyncio.sleep(fetched_at + STALE_SECONDS - 1 - harness.clock.boot())
    assert found_at_once(harness)
    await asyncio.sleep(2)
    assert not harness.keys.knows("one")
    await harness.refusal()


@in_virtual_time
async def test_a_failed_refresh_is_repeated_after_a_pause() -> None:
    harness = await make_warm_harness()
    harness.source.error = DOWN
    await asyncio.sleep(REFRESH_SECONDS + RETRY_SECONDS)
    assert pauses(harness) == pytest.approx(
        [REFRESH_SECONDS, RETRY_SECONDS, RETRY_SECONDS], abs=0.01
    )


@in_virtual_time
@pytest.mark.parametrize(
    "fault", [DOWN, RuntimeError("bug"), asyncio.CancelledError(), TimeoutError()], ids=repr
)
async def test_recovery_is_noticed_without_any_request(fault: BaseException) -> None:
    harness = make_harness()
    harness.source.error = fault
    harness.keys.start()
    await asyncio.sleep(100)
    harness.source.error = None
    await asyncio.sleep(RETRY_SECONDS)
    assert found_at_once(harness)
    await asyncio.sleep(REFRESH_SECONDS)
    assert pauses(harness)[-1] == pytest.approx(REFRESH_SECONDS, abs=0.01)


@in_virtual_time
async def test_an_invalid_document_leaves_the_old_keys_in_use() -> None:
    harness = await make_warm_harness()
    for harness.source.document in (b"<html>", b'{"keys": [{"kty": "oct"}]}'):
        await asyncio.sleep(REFRESH_SECONDS)
        assert found_at_once(harness)
    assert harness.keys.generation == 1


@in_virtual_time
async def test_an_issuer_can_withdraw_all_keys() -> None:
    harness = await make_warm_harness()
    harness.source.document = jwks()
    await asyncio.sleep(REFRESH_SECONDS)
    assert await harness.keys.find("one") is None
    assert harness.keys.generation == 2


class FaultyClock:
    """Raises an exception after `good_for` reads."""

    def __init__(self, true: FakeClock) -> None:
        self.good_for = 0.0
        self._true = true

    def boot(self) -> float:
        self.good_for -= 1
        if self.good_for < 0:
            raise RuntimeError("bug")
        return self._true.boot()

    wall = boot


@in_virtual_time
@pytest.mark.parametrize("good_for", [0, 1])
async def test_a_bug_is_logged_and_does_not_end_refreshes(
    good_for: int, caplog: pytest.LogCaptureFixture
) -> None:
    source, clock = FakeKeySource(loop_clock(), "one"), FaultyClock(loop_clock())
    clock.good_for = good_for
    keys = JwksCache(
        source, name="cluster-a", clock=clock, jitter=lambda: 0, observer=NullObserver()
    )
    keys.start()
    await asyncio.sleep(RETRY_SECONDS - 1)
    assert caplog.messages == ["unexpected error while refreshing keys of cluster-a"]
    clock.good_for = math.inf
    await asyncio.sleep(RETRY_SECONDS)
    assert keys.knows("one")


@in_virtual_time
async def test_failures_are_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    harness = make_harness()
    harness.source.error = DOWN
    await harness.refusal()
    harness.source.error = OSError("sentinel")
    await asyncio.sleep(RETRY_SECONDS)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert caplog.messages == [
        "no keys of issuer cluster-a, next attempt in 30 s: no response: ConnectError",
        "no keys of issuer cluster-a, next attempt in 30 s: OSError",
    ]


@in_virtual_time
async def test_recovery_is_logged_once_and_success_never(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "service")
    harness = make_harness()
    harness.keys.start()
    await asyncio.sleep(2 * REFRESH_SECONDS)
    assert not caplog.messages
    harness.source.error = DOWN
    await asyncio.sleep(REFRESH_SECONDS)
    harness.source.error = None
    await asyncio.sleep(2 * REFRESH_SECONDS)
    assert caplog.messages[-1] == "the keys of issuer cluster-a are available again"
    assert caplog.messages.count(caplog.messages[-1]) == 1


@in_virtual_time
async def test_after_an_interrupted_fetch_the_issuer_is_asked_again_at_once() -> None:
    harness = make_harness("one")
    harness.source.hangs = True
    harness.keys.start()
    await asyncio.sleep(1)
    harness.keys.attempts.interrupt()
    await harness.keys.attempts.until_asleep()
    harness.source.hangs = False
    assert await harness.keys.find("one") is not None
    assert len(harness.source.fetched_at) == 2
