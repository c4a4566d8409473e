"""An issuer that is down, hangs or is asked by a flood, and bugs."""

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
from tests.auth.house import (
    AT_ONCE,
    DOWN,
    FakeKeySource,
    a_house,
    a_warm_house,
    found_at_once,
    pauses,
)
from tests.auth.mint import jwks
from tests.support.fakes import FakeClock, in_virtual_time, loop_clock


@in_virtual_time
async def test_a_flood_of_unknown_keys_asks_an_issuer_that_is_well_once_in_thirty_seconds() -> None:
    house = await a_warm_house()
    for second in range(300):
        assert await house.keys.find(f"forged-{second}") is None
        assert found_at_once(house)
        await asyncio.sleep(1)
    assert len(house.source.asked_at) >= 10
    assert min(pauses(house)) >= RETRY_SECONDS


@in_virtual_time
async def test_a_flood_of_unknown_keys_asks_an_issuer_that_is_down_once_in_thirty_seconds() -> None:
    house = await a_warm_house()
    house.source.fault = DOWN
    for second in range(300):
        assert await house.keys.find(f"forged-{second}") is None
        assert found_at_once(house)
        await asyncio.sleep(1)
    assert len(house.source.asked_at) >= 10
    assert min(pauses(house)) >= RETRY_SECONDS


@in_virtual_time
async def test_a_flood_before_there_are_keys_asks_once_in_thirty_seconds() -> None:
    house = a_house()
    house.source.fault = DOWN
    house.keys.start()
    for _ in range(300):
        await house.refusal()
        await asyncio.sleep(1)
    assert len(house.source.asked_at) >= 10
    assert min(pauses(house)) >= RETRY_SECONDS


@in_virtual_time
async def test_an_issuer_that_hangs_holds_up_nobody_whose_key_is_known() -> None:
    house = await a_warm_house()
    house.source.hangs = True
    waiting = asyncio.ensure_future(house.keys.find("forged"))
    await asyncio.sleep(1)
    assert len(house.source.asked_at) == 2
    assert found_at_once(house)
    assert await waiting is None


@in_virtual_time
async def test_an_issuer_that_hangs_holds_up_others_for_no_longer_than_the_limit() -> None:
    house = await a_warm_house()
    house.source.hangs = True
    now = house.clock.boot()
    assert await house.keys.find("forged") is None
    assert house.clock.boot() - now == pytest.approx(WAIT_SECONDS, abs=AT_ONCE)


@in_virtual_time
async def test_an_issuer_that_hangs_is_given_up_and_asked_again() -> None:
    house = a_house()
    house.source.hangs = True
    house.keys.start()
    await asyncio.sleep(20)
    house.source.hangs = False
    await asyncio.sleep(11)
    assert found_at_once(house)
    assert pauses(house) == pytest.approx([RETRY_SECONDS], abs=0.01)


@in_virtual_time
async def test_without_keys_the_caller_is_told_when_the_issuer_may_be_asked_again() -> None:
    house = a_house()
    house.source.fault = DOWN
    first = await house.refusal()
    assert (first.detail, first.retry_after) == (NO_KEYS, 30)
    await asyncio.sleep(20)
    assert (await house.refusal()).retry_after == 10
    await asyncio.sleep(9.8)
    assert (await house.refusal()).retry_after == 1


@in_virtual_time
async def test_keys_stay_in_use_for_a_day_though_the_issuer_is_down_and_then_no_longer() -> None:
    house = await a_warm_house()
    fetched_at = house.source.asked_at[-1]
    house.source.fault = DOWN
    await asyncio.sleep(fetched_at + STALE_SECONDS - 1 - house.clock.boot())
    assert found_at_once(house)
    await asyncio.sleep(2)
    assert not house.keys.knows("one")
    await house.refusal()


@in_virtual_time
async def test_a_refresh_that_fails_is_tried_again_after_a_pause() -> None:
    house = await a_warm_house()
    house.source.fault = DOWN
    await asyncio.sleep(REFRESH_SECONDS + RETRY_SECONDS)
    assert pauses(house) == pytest.approx([REFRESH_SECONDS, RETRY_SECONDS, RETRY_SECONDS], abs=0.01)


@in_virtual_time
async def test_an_issuer_that_recovers_is_found_without_anybody_asking() -> None:
    house = a_house()
    house.source.fault = DOWN
    house.keys.start()
    await asyncio.sleep(100)
    house.source.fault = None
    await asyncio.sleep(RETRY_SECONDS)
    assert found_at_once(house)
    await asyncio.sleep(REFRESH_SECONDS)
    assert pauses(house)[-1] == pytest.approx(REFRESH_SECONDS, abs=0.01)


@in_virtual_time
async def test_a_document_that_is_none_leaves_the_old_keys_in_use() -> None:
    house = await a_warm_house()
    for house.source.document in (b"<html>", b'{"keys": [{"kty": "oct"}]}'):
        await asyncio.sleep(REFRESH_SECONDS)
        assert found_at_once(house)
    assert house.keys.generation == 1


@in_virtual_time
async def test_an_issuer_that_withdraws_all_its_keys_is_obeyed() -> None:
    house = await a_warm_house()
    house.source.document = jwks()
    await asyncio.sleep(REFRESH_SECONDS)
    assert await house.keys.find("one") is None
    assert house.keys.generation == 2


@in_virtual_time
@pytest.mark.parametrize("fault", [RuntimeError("bug"), asyncio.CancelledError(), TimeoutError()])
async def test_a_bug_of_the_source_is_a_failure_like_others(fault: BaseException) -> None:
    house = a_house()
    house.source.fault = fault
    house.keys.start()
    await house.refusal()
    house.source.fault = None
    await asyncio.sleep(RETRY_SECONDS)
    assert found_at_once(house)


class FaultyClock:
    """`good_for` is how many times more it can be asked."""

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
async def test_a_bug_of_ours_ends_nothing_and_is_told(
    good_for: int, caplog: pytest.LogCaptureFixture
) -> None:
    source, clock = FakeKeySource(loop_clock(), "one"), FaultyClock(loop_clock())
    clock.good_for = good_for
    keys = JwksCache(source, name="cluster-a", clock=clock, chance=lambda: 0)
    keys.start()
    await asyncio.sleep(RETRY_SECONDS - 1)
    assert caplog.messages == ["unexpected error while refreshing keys of cluster-a"]
    clock.good_for = math.inf
    await asyncio.sleep(RETRY_SECONDS)
    assert keys.knows("one")


@in_virtual_time
async def test_a_failure_is_told_in_words_that_hold_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = a_house()
    house.source.fault = DOWN
    await house.refusal()
    house.source.fault = OSError("sentinel")
    await asyncio.sleep(RETRY_SECONDS)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert caplog.messages == [
        "no keys of issuer cluster-a, next attempt in 30 s: no response: ConnectError",
        "no keys of issuer cluster-a, next attempt in 30 s: OSError",
    ]


@in_virtual_time
async def test_a_recovery_is_told_once_and_a_success_never(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "service")
    house = a_house()
    house.keys.start()
    await asyncio.sleep(2 * REFRESH_SECONDS)
    assert not caplog.messages
    house.source.fault = DOWN
    await asyncio.sleep(REFRESH_SECONDS)
    house.source.fault = None
    await asyncio.sleep(2 * REFRESH_SECONDS)
    assert caplog.messages[-1] == "the keys of issuer cluster-a are available again"
    assert caplog.messages.count(caplog.messages[-1]) == 1
