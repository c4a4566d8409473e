"""Sources that fail, hang or cancel themselves."""

import asyncio
from itertools import pairwise

import pytest

from service.sessions.attempts import ATTEMPT_SECONDS, MAX_IN_FLIGHT, WANTED_PAUSE
from service.sessions.pool_entry import SessionKey
from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from tests.support.pool import AT_ONCE, OWN, REFRESH_AGE, make_pool_harness
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_callers_share_a_failed_attempt_and_are_refused_at_once_after_it() -> None:
    harness = make_pool_harness(jitter=lambda: 0.5)
    harness.source.error = OSError("no route")
    errors = await asyncio.gather(*(harness.refusal() for _ in range(200)))
    now = harness.clock.boot()
    errors.append(await harness.refusal())
    assert harness.clock.boot() - now < AT_ONCE
    assert {error.retry_after for error in errors} == {2}  # 1.5 s, rounded up
    assert harness.source.fetched == [None]


@in_virtual_time
async def test_many_callers_cause_one_attempt_per_backoff() -> None:
    harness = make_pool_harness(delay=0, jitter=lambda: 0.5)
    harness.source.error = OSError("no route")
    while harness.clock.boot() < 120:
        await asyncio.gather(*(harness.refusal() for _ in range(10)))
        await asyncio.sleep(0.25)
    pauses = [later - sooner for sooner, later in pairwise(harness.source.fetched_at)]
    assert pauses[:4] == pytest.approx([1.5, 2.5, 4.5, 8.5], abs=0.01)
    assert pauses[4:] == pytest.approx([WANTED_PAUSE] * 10, abs=0.01)


@in_virtual_time
async def test_without_requests_the_backoff_grows_to_a_minute() -> None:
    harness = make_pool_harness(delay=0, jitter=lambda: 0.5)
    harness.source.error = OSError("no route")
    harness.pool.start()
    await asyncio.sleep(120)
    pauses = [later - sooner for sooner, later in pairwise(harness.source.fetched_at)]
    assert pauses == pytest.approx([1.5, 2.5, 4.5, 8.5, 16.5, 30.5, 30.5], abs=0.01)


@pytest.mark.parametrize("fault", [OSError("no route"), asyncio.CancelledError(), None], ids=repr)
@in_virtual_time
async def test_the_pool_itself_notices_recovery(fault: BaseException | None) -> None:
    harness = make_pool_harness()
    harness.source.error, harness.source.hangs = fault, fault is None
    await harness.refusal()
    harness.source.error, harness.source.hangs = None, False
    await asyncio.sleep(1.2)
    assert harness.pool.current(OWN) is not None


@in_virtual_time
async def test_success_resets_the_backoff() -> None:
    harness = make_pool_harness(jitter=lambda: 0.5)
    harness.source.error = OSError("no route")
    harness.pool.start()
    await asyncio.sleep(100)
    harness.source.error = None
    await asyncio.sleep(30.5 + MIN_REFRESH_AGE)
    harness.source.error = OSError("no route")
    harness.pool.request_refresh(OWN)
    await asyncio.sleep(2)
    first, second = harness.source.fetched_at[-2:]
    assert second - first == pytest.approx(1.6, abs=0.01)  # the first pause, and the attempt


@in_virtual_time
async def test_failures_leave_a_good_session_in_use_until_it_expires() -> None:
    harness = make_pool_harness(delay=0)
    signing = await harness.pool.ready(OWN)
    harness.source.error = OSError("no route")
    await asyncio.sleep(3600 - EXPIRY_MARGIN - 2)
    assert len(harness.source.fetched) > 1
    assert harness.pool.current(OWN) is signing
    await asyncio.sleep(2)
    assert harness.pool.current(OWN) is None
    assert not harness.pool.is_alive("reports")
    await harness.refusal()


@in_virtual_time
async def test_a_hanging_source_delays_nobody_with_a_good_session() -> None:
    harness = make_pool_harness()
    signing = await harness.pool.ready(OWN)
    harness.source.hangs = True
    await asyncio.sleep(REFRESH_AGE + 1)
    assert len(harness.source.fetched) == 2
    now = harness.clock.boot()
    assert await harness.pool.ready(OWN) is signing
    assert harness.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_cold_callers_of_a_hanging_source_are_refused_in_time() -> None:
    harness = make_pool_harness()
    harness.source.hangs = True
    begun = harness.clock.boot()
    error = await harness.refusal()
    assert harness.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1
    assert error.retry_after is not None
    assert error.retry_after >= 1


@in_virtual_time
async def test_a_hanging_sts_does_not_delay_other_buckets() -> None:
    harness = make_pool_harness("photos")
    harness.sources["photos"].hangs = True
    hanging = [
        asyncio.ensure_future(harness.refusal(SessionKey("photos", (None, str(n)), None)))
        for n in range(MAX_IN_FLIGHT)
    ]
    await asyncio.sleep(0)
    assert await harness.pool.ready(OWN) is harness.pool.current(OWN)
    await asyncio.gather(*hanging)
