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
from tests.auth.env import (
    AT_ONCE,
    DOWN,
    FakeKeySource,
    found_at_once,
    make_env,
    make_warm_env,
    pauses,
)
from tests.auth.mint import jwks
from tests.support.fakes import FakeClock, in_virtual_time, loop_clock


@in_virtual_time
@pytest.mark.parametrize("fault", [None, DOWN], ids=["up", "down"])
async def test_a_flood_of_unknown_keys_asks_once_in_thirty_seconds(fault: Exception | None) -> None:
    env = await make_warm_env()
    env.source.fault = fault
    for second in range(300):
        assert await env.keys.find(f"forged-{second}") is None
        assert found_at_once(env)
        await asyncio.sleep(1)
    assert len(env.source.asked_at) >= 10
    assert min(pauses(env)) >= RETRY_SECONDS


@in_virtual_time
async def test_a_flood_without_keys_asks_once_in_thirty_seconds() -> None:
    env = make_env()
    env.source.fault = DOWN
    env.keys.start()
    for _ in range(300):
        await env.refusal()
        await asyncio.sleep(1)
    assert len(env.source.asked_at) >= 10
    assert min(pauses(env)) >= RETRY_SECONDS


@in_virtual_time
async def test_a_hanging_issuer_delays_no_known_key() -> None:
    env = await make_warm_env()
    env.source.hangs = True
    waiting = asyncio.ensure_future(env.keys.find("forged"))
    await asyncio.sleep(1)
    assert len(env.source.asked_at) == 2
    assert found_at_once(env)
    assert await waiting is None


@in_virtual_time
async def test_a_hanging_issuer_delays_unknown_keys_up_to_the_limit() -> None:
    env = await make_warm_env()
    env.source.hangs = True
    now = env.clock.boot()
    assert await env.keys.find("forged") is None
    assert env.clock.boot() - now == pytest.approx(WAIT_SECONDS, abs=AT_ONCE)


@in_virtual_time
async def test_a_hanging_attempt_ends_and_is_repeated() -> None:
    env = make_env()
    env.source.hangs = True
    env.keys.start()
    await asyncio.sleep(20)
    env.source.hangs = False
    await asyncio.sleep(11)
    assert found_at_once(env)
    assert pauses(env) == pytest.approx([RETRY_SECONDS], abs=0.01)


@in_virtual_time
async def test_without_keys_retry_after_is_the_next_attempt() -> None:
    env = make_env()
    env.source.fault = DOWN
    first = await env.refusal()
    assert (first.detail, first.retry_after) == (NO_KEYS, 30)
    await asyncio.sleep(20)
    assert (await env.refusal()).retry_after == 10
    await asyncio.sleep(9.8)
    assert (await env.refusal()).retry_after == 1


@in_virtual_time
async def test_keys_stay_in_use_for_a_day_without_issuer() -> None:
    env = await make_warm_env()
    fetched_at = env.source.asked_at[-1]
    env.source.fault = DOWN
    await asyncio.sleep(fetched_at + STALE_SECONDS - 1 - env.clock.boot())
    assert found_at_once(env)
    await asyncio.sleep(2)
    assert not env.keys.knows("one")
    await env.refusal()


@in_virtual_time
async def test_a_failed_refresh_is_repeated_after_a_pause() -> None:
    env = await make_warm_env()
    env.source.fault = DOWN
    await asyncio.sleep(REFRESH_SECONDS + RETRY_SECONDS)
    assert pauses(env) == pytest.approx([REFRESH_SECONDS, RETRY_SECONDS, RETRY_SECONDS], abs=0.01)


@in_virtual_time
async def test_recovery_is_noticed_without_any_request() -> None:
    env = make_env()
    env.source.fault = DOWN
    env.keys.start()
    await asyncio.sleep(100)
    env.source.fault = None
    await asyncio.sleep(RETRY_SECONDS)
    assert found_at_once(env)
    await asyncio.sleep(REFRESH_SECONDS)
    assert pauses(env)[-1] == pytest.approx(REFRESH_SECONDS, abs=0.01)


@in_virtual_time
async def test_an_invalid_document_leaves_the_old_keys_in_use() -> None:
    env = await make_warm_env()
    for env.source.document in (b"<html>", b'{"keys": [{"kty": "oct"}]}'):
        await asyncio.sleep(REFRESH_SECONDS)
        assert found_at_once(env)
    assert env.keys.generation == 1


@in_virtual_time
async def test_an_issuer_can_withdraw_all_keys() -> None:
    env = await make_warm_env()
    env.source.document = jwks()
    await asyncio.sleep(REFRESH_SECONDS)
    assert await env.keys.find("one") is None
    assert env.keys.generation == 2


@in_virtual_time
@pytest.mark.parametrize("fault", [RuntimeError("bug"), asyncio.CancelledError(), TimeoutError()])
async def test_a_bug_in_the_source_is_a_failed_attempt(fault: BaseException) -> None:
    env = make_env()
    env.source.fault = fault
    env.keys.start()
    await env.refusal()
    env.source.fault = None
    await asyncio.sleep(RETRY_SECONDS)
    assert found_at_once(env)


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
    keys = JwksCache(source, name="cluster-a", clock=clock, chance=lambda: 0)
    keys.start()
    await asyncio.sleep(RETRY_SECONDS - 1)
    assert caplog.messages == ["unexpected error while refreshing keys of cluster-a"]
    clock.good_for = math.inf
    await asyncio.sleep(RETRY_SECONDS)
    assert keys.knows("one")


@in_virtual_time
async def test_failures_are_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    env = make_env()
    env.source.fault = DOWN
    await env.refusal()
    env.source.fault = OSError("sentinel")
    await asyncio.sleep(RETRY_SECONDS)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert caplog.messages == [
        "no keys of issuer cluster-a, next attempt in 30 s: no response: ConnectError",
        "no keys of issuer cluster-a, next attempt in 30 s: OSError",
    ]


@in_virtual_time
async def test_recovery_is_logged_once_and_success_never(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "service")
    env = make_env()
    env.keys.start()
    await asyncio.sleep(2 * REFRESH_SECONDS)
    assert not caplog.messages
    env.source.fault = DOWN
    await asyncio.sleep(REFRESH_SECONDS)
    env.source.fault = None
    await asyncio.sleep(2 * REFRESH_SECONDS)
    assert caplog.messages[-1] == "the keys of issuer cluster-a are available again"
    assert caplog.messages.count(caplog.messages[-1]) == 1
