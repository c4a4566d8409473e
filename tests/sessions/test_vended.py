"""Vended sessions in the pool: their own, with enough time left, and few for each caller."""

import asyncio
from contextlib import suppress
from typing import Final

import pytest

from service.errors import CredentialsUnavailable
from service.sessions.pool import MAX_VENDED, VENDED_HOLD
from service.sessions.pool_entry import SessionKey
from service.sessions.refresh_policy import MOST_JITTER, VENDED_REMAINING, threshold
from tests.support.pool import BILLING, PoolHarness, make_pool_harness
from tests.support.virtual_time import in_virtual_time

VENDED: Final = BILLING._replace(vended=True)
HALF_AN_HOUR: Final = 1800.0


def narrowed(number: int, key: SessionKey = VENDED) -> SessionKey:
    return key._replace(policy=f"narrowed {number}")


def left(harness: PoolHarness, key: SessionKey = VENDED) -> float:
    signing = harness.pool.current(key)
    assert signing is not None
    return signing.session.remaining(harness.clock)


@in_virtual_time
async def test_a_vended_session_is_never_one_that_signs() -> None:
    harness = make_pool_harness()
    signing, vended = await harness.pool.ready(BILLING), await harness.pool.ready(VENDED)
    assert signing.session is not vended.session
    assert harness.source.vended == [False, True]


@in_virtual_time
async def test_a_used_session_always_has_sixteen_minutes_left() -> None:
    harness = make_pool_harness(length=HALF_AN_HOUR)
    await harness.pool.ready(VENDED)
    for _ in range(8 * 60):
        await asyncio.sleep(60)
        assert left(harness) >= VENDED_REMAINING
    # An SDK that asks at 15 minutes finds a session that has arrived.
    first, second, *_ = harness.source.fetched_at
    assert second - first == pytest.approx(HALF_AN_HOUR - (VENDED_REMAINING + 60), abs=1)
    assert len(harness.source.fetched) <= 1 + 8 * 60 / 13


@in_virtual_time
async def test_an_unused_session_is_renewed_once() -> None:
    harness = make_pool_harness(length=HALF_AN_HOUR)
    await harness.pool.ready(VENDED)
    await asyncio.sleep(4 * HALF_AN_HOUR)
    assert len(harness.source.fetched) == 2
    assert harness.pool.current(VENDED) is None


def test_a_session_is_refreshed_before_it_is_too_short() -> None:
    for length in (HALF_AN_HOUR, 3600.0, 43_200.0):
        for jitter in (0.0, 1.0):
            due = threshold(length, VENDED_REMAINING, jitter)
            assert VENDED_REMAINING < due <= (VENDED_REMAINING + 60) * (1 + MOST_JITTER)


@in_virtual_time
async def test_a_short_wait_leaves_the_attempt_running() -> None:
    harness = make_pool_harness(delay=3)
    began = harness.clock.boot()
    with pytest.raises(CredentialsUnavailable) as refused:
        await harness.pool.ready(VENDED, 1.4)
    assert harness.clock.boot() - began == pytest.approx(1.4, abs=0.01)
    assert refused.value.retry_after == 1
    await asyncio.sleep(2)
    assert harness.pool.current(VENDED) is not None
    assert len(harness.source.fetched) == 1


@in_virtual_time
async def test_narrowings_of_one_caller_are_bounded() -> None:
    harness = make_pool_harness()
    for number in range(MAX_VENDED):
        await harness.pool.ready(narrowed(number))
    with pytest.raises(CredentialsUnavailable) as refused:
        await harness.pool.ready(narrowed(99))
    assert refused.value.retry_after == pytest.approx(VENDED_HOLD, abs=2)
    assert len(harness.source.fetched) == MAX_VENDED
    other = VENDED._replace(owner=(None, "sales"))
    await harness.pool.ready(narrowed(99, other))
    await harness.pool.ready(BILLING)
    assert len(harness.source.fetched) == MAX_VENDED + 2


@in_virtual_time
async def test_the_longest_unused_narrowing_makes_room() -> None:
    harness = make_pool_harness()
    for number in range(MAX_VENDED):
        await harness.pool.ready(narrowed(number))
    await asyncio.sleep(VENDED_HOLD - 5)
    assert harness.pool.current(narrowed(0)) is not None
    await asyncio.sleep(10)
    await harness.pool.ready(narrowed(99))
    assert harness.pool.current(narrowed(0)) is not None
    assert harness.pool.current(narrowed(1)) is None


@in_virtual_time
async def test_narrowings_cause_few_calls_to_sts() -> None:
    harness = make_pool_harness()
    for number in range(600):  # ten minutes, with a new narrowing each second
        with suppress(CredentialsUnavailable):
            await harness.pool.ready(narrowed(number))
        await asyncio.sleep(1)
    assert MAX_VENDED < len(harness.source.fetched) <= 11 * MAX_VENDED
