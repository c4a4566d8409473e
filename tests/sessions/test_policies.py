"""Sessions with policies, permanent refusals and throttling."""

import asyncio
import logging

import pytest

from service.sessions.attempts import MAX_IN_FLIGHT_PER_BUCKET
from service.sessions.pool_entry import SessionKey
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.sessions.source import SessionRefused, session_name
from tests.support.pool import AT_ONCE, BILLING, OWN, REFRESH_AGE, PoolHarness, make_pool_harness
from tests.support.virtual_time import in_virtual_time

POLICY = '{"Version":"2012-10-17","Statement":[]}'
HOUR = 3600
SALES = SessionKey("reports", ("cluster-a", "sales"), POLICY)
PERCENTAGE = "Packed size of session tags consumes 123% of allotted space."
PERMANENT = SessionRefused(f"PackedPolicyTooLarge: {PERCENTAGE}", permanent=True)
THROTTLED = SessionRefused("Throttling: Rate exceeded", throttled=True)


def make_harness(**accounts: str) -> PoolHarness:
    """Return a pool with a bucket in its account for each keyword."""
    others = accounts.keys() - {"reports"}
    return make_pool_harness(*others, delay=0, jitter=lambda: 0.5, accounts=accounts)


@in_virtual_time
async def test_a_refreshed_session_keeps_its_policy() -> None:
    harness = make_pool_harness(delay=0)
    await harness.pool.ready(SALES)
    while len(harness.source.policies) < 3:
        await asyncio.sleep(10)
        harness.pool.current(SALES)
    assert harness.source.policies == [POLICY] * 3


@in_virtual_time
async def test_another_policy_means_another_session() -> None:
    harness = make_pool_harness()
    other = SALES._replace(policy="{}")
    one, two = await asyncio.gather(harness.pool.ready(SALES), harness.pool.ready(other))
    assert one.session.credentials != two.session.credentials
    assert harness.pool.current(SALES) is one


@in_virtual_time
async def test_a_buckets_own_session_has_the_probe_policy() -> None:
    harness = make_pool_harness(probe_policy="deny", delay=0)
    harness.pool.start()
    await asyncio.sleep(AT_ONCE)
    assert (harness.source.fetched, harness.source.policies) == ([None], ["deny"])
    assert harness.pool.is_alive("reports")
    assert harness.pool.current(OWN) is None


@in_virtual_time
async def test_permanent_refusals_are_not_retried_within_the_hour() -> None:
    harness = make_harness(reports="1")
    harness.source.errors[SALES.owner] = PERMANENT
    error = await harness.refusal(SALES)
    assert error.retry_after == HOUR
    assert harness.pool.request_refresh(SALES) == HOUR
    for _ in range(100):
        await asyncio.sleep((HOUR - 10) / 100)
        await harness.refusal(SALES)
    assert harness.source.fetched == [SALES.owner]
    del harness.source.errors[SALES.owner]
    await asyncio.sleep(20)
    assert await harness.pool.ready(SALES) is not None


@in_virtual_time
async def test_only_permanent_refusals_are_logged_as_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    harness = make_harness(reports="1")
    harness.source.errors[SALES.owner] = PERMANENT
    harness.source.errors[BILLING.owner] = SessionRefused("AccessDenied")
    await harness.refusal(SALES)
    await harness.refusal(BILLING)
    permanent, other = caplog.records
    assert (permanent.levelno, other.levelno) == (logging.ERROR, logging.WARNING)
    for part in ("123%", session_name(SALES.owner), "bucket reports"):
        assert part in permanent.getMessage()


@in_virtual_time
async def test_one_callers_permanent_refusal_does_not_affect_others() -> None:
    harness = make_harness(reports="1", photos="1")
    harness.source.errors[SALES.owner] = PERMANENT
    harness.pool.start()
    await harness.refusal(SALES)
    now = harness.clock.boot()
    assert await harness.pool.ready(BILLING) is not None
    assert await harness.pool.ready(SALES._replace(bucket="photos")) is not None
    assert harness.clock.boot() - now < AT_ONCE
    assert harness.pool.is_alive("reports")


@in_virtual_time
async def test_permanent_refusals_leave_the_current_session_in_use() -> None:
    harness = make_harness(reports="1")
    signing = await harness.pool.ready(SALES)
    harness.source.errors[SALES.owner] = PERMANENT
    await asyncio.sleep(REFRESH_AGE)
    harness.pool.current(SALES)
    await asyncio.sleep(HOUR - EXPIRY_MARGIN - 2 - REFRESH_AGE)
    assert len(harness.source.fetched) == 2
    assert harness.pool.current(SALES) is signing
    await asyncio.sleep(2)
    await harness.refusal(SALES)
    assert len(harness.source.fetched) == 2


@in_virtual_time
async def test_throttling_delays_all_sessions_of_the_account() -> None:
    harness = make_harness(reports="1", photos="1")
    harness.source.errors[SALES.owner] = THROTTLED
    assert (await harness.refusal(SALES)).retry_after == 2  # 1.5 s, rounded up
    for key in (BILLING, OWN, BILLING._replace(bucket="photos")):
        assert (await harness.refusal(key)).retry_after == 2
    assert harness.source.fetched == [SALES.owner]
    assert harness.sources["photos"].fetched == []
    await asyncio.sleep(1.6)
    assert await harness.pool.ready(BILLING) is not None


@in_virtual_time
async def test_throttling_does_not_affect_other_accounts_or_good_sessions() -> None:
    harness = make_harness(reports="1", photos="2")
    signing = await harness.pool.ready(BILLING)
    harness.source.errors[SALES.owner] = THROTTLED
    await harness.refusal(SALES)
    assert await harness.pool.ready(BILLING._replace(bucket="photos")) is not None
    assert await harness.pool.ready(BILLING) is signing


@in_virtual_time
async def test_other_failures_delay_no_other_session() -> None:
    harness = make_harness(reports="1")
    harness.source.errors[SALES.owner] = SessionRefused("AccessDenied")
    await harness.refusal(SALES)
    assert await harness.pool.ready(BILLING) is not None


@in_virtual_time
async def test_a_later_throttling_does_not_shorten_the_pause() -> None:
    """Both attempts started before either was throttled."""
    harness = make_harness(reports="1")
    harness.source.errors[SALES.owner] = SessionRefused("AccessDenied")
    for pause in (1.5, 2.5, 4.5, 8.5):  # so that its next pause is a long one
        await harness.refusal(SALES)
        await asyncio.sleep(pause + 0.1)
    harness.source.errors[SALES.owner] = harness.source.errors[BILLING.owner] = THROTTLED
    harness.source.delay = 1
    longer = asyncio.ensure_future(harness.refusal(SALES))
    await asyncio.sleep(0.5)
    await harness.refusal(BILLING)
    await longer
    assert (await harness.refusal(BILLING)).retry_after == pytest.approx(16, abs=1)


@in_virtual_time
async def test_throttling_stops_queued_attempts() -> None:
    harness = make_pool_harness()
    harness.source.error = THROTTLED
    keys = [SALES._replace(owner=(None, f"caller-{number}")) for number in range(100)]
    errors = await asyncio.gather(*(harness.refusal(key) for key in keys))
    before_the_pause_ends = [at for at in harness.source.fetched_at if at < 1]
    assert len(before_the_pause_ends) <= MAX_IN_FLIGHT_PER_BUCKET
    assert all(error.retry_after for error in errors)
