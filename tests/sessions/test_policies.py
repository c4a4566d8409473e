"""Sessions with policies, permanent refusals and throttling."""

import asyncio
import logging
from dataclasses import replace

import pytest

from service.sessions.attempts import MAX_IN_FLIGHT_A_BUCKET
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions, SessionKey
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.sessions.session import Session
from service.sessions.sts import Owner, SessionRefused, session_name
from tests.sessions.env import AT_ONCE, BILLING, DUE_AT, OWN, PROMISE, Env, make_env, refusal
from tests.support.fakes import ADDRESS, FakeClock, FakeSource, in_virtual_time, loop_clock

POLICY = '{"Version":"2012-10-17","Statement":[]}'
HOUR = 3600
SALES = SessionKey("reports", ("cluster-a", "sales"), POLICY)
PERCENTAGE = "Packed size of session tags consumes 123% of allotted space."
PERMANENT = SessionRefused(f"PackedPolicyTooLarge: {PERCENTAGE}", permanent=True)
THROTTLED = SessionRefused("Throttling: Rate exceeded", throttled=True)


class FaultySource(FakeSource):
    """Fails for the owners in `faults`."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.faults: dict[Owner, Exception] = {}

    async def fetch(self, owner: Owner, policy: str | None) -> Session:
        fault = self.faults.get(owner)
        session = await super().fetch(owner, policy)
        if fault is not None:
            raise fault
        return session


def make_faulty_env(**accounts: str) -> Env:
    """A bucket in its account for each keyword; `reports` first."""
    clock = loop_clock()
    sources = {name: FaultySource(clock) for name in accounts}
    buckets = {
        name: BucketSessions(
            source=sources[name], address=ADDRESS, longest_lifetime=PROMISE, account=account
        )
        for name, account in accounts.items()
    }
    pool = SessionPool(buckets, clock=clock, chance=lambda: 0.5)
    return Env(clock, sources["reports"], pool, dict(sources))


def faults(env: Env, bucket: str = "reports") -> dict[Owner, Exception]:
    source = env.sources[bucket]
    assert isinstance(source, FaultySource)
    return source.faults


@in_virtual_time
async def test_sessions_are_fetched_with_owner_and_policy() -> None:
    env = make_env(delay=0)
    await env.pool.ready(SALES)
    await env.pool.ready(BILLING)
    assert env.source.asked == [SALES.owner, BILLING.owner]
    assert env.source.policies == [POLICY, None]


@in_virtual_time
async def test_a_refreshed_session_keeps_its_policy() -> None:
    env = make_env(delay=0)
    await env.pool.ready(SALES)
    while len(env.source.policies) < 3:
        await asyncio.sleep(10)
        env.pool.current(SALES)
    assert env.source.policies == [POLICY] * 3


@in_virtual_time
async def test_another_policy_means_another_session() -> None:
    env = make_env()
    other = replace(SALES, policy="{}")
    one, two = await asyncio.gather(env.pool.ready(SALES), env.pool.ready(other))
    assert one.session.credentials != two.session.credentials
    assert env.pool.current(SALES) is one


@in_virtual_time
async def test_a_buckets_own_session_has_the_probe_policy() -> None:
    clock = loop_clock()
    source = FakeSource(clock)
    bucket = BucketSessions(
        source=source, address=ADDRESS, longest_lifetime=PROMISE, probe_policy="deny"
    )
    pool = SessionPool({"reports": bucket}, clock=clock, chance=lambda: 0.0)
    pool.start()
    await asyncio.sleep(AT_ONCE)
    assert (source.asked, source.policies) == ([None], ["deny"])
    assert pool.is_alive("reports")
    assert pool.current(SessionKey("reports", None, None)) is None


@in_virtual_time
async def test_permanent_refusals_are_not_retried_within_the_hour() -> None:
    env = make_faulty_env(reports="1")
    faults(env)[SALES.owner] = PERMANENT
    error = await refusal(env, SALES)
    assert error.retry_after == HOUR
    for _ in range(100):
        await asyncio.sleep((HOUR - 10) / 100)
        await refusal(env, SALES)
    assert env.source.asked == [SALES.owner]
    del faults(env)[SALES.owner]
    await asyncio.sleep(20)
    assert await env.pool.ready(SALES) is not None


@in_virtual_time
async def test_requesting_a_refresh_does_not_retry_permanent_refusals() -> None:
    env = make_faulty_env(reports="1")
    faults(env)[SALES.owner] = PERMANENT
    await refusal(env, SALES)
    assert env.pool.request_refresh(SALES) > HOUR - 10
    await asyncio.sleep(60)
    assert env.source.asked == [SALES.owner]


@in_virtual_time
async def test_permanent_refusals_are_logged_as_errors(caplog: pytest.LogCaptureFixture) -> None:
    env = make_faulty_env(reports="1")
    faults(env)[SALES.owner] = PERMANENT
    await refusal(env, SALES)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    for part in ("123%", session_name(SALES.owner), "bucket reports"):
        assert part in record.getMessage()


@in_virtual_time
async def test_other_refusals_are_logged_as_warnings(caplog: pytest.LogCaptureFixture) -> None:
    env = make_faulty_env(reports="1")
    faults(env)[SALES.owner] = SessionRefused("AccessDenied")
    await refusal(env, SALES)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@in_virtual_time
async def test_one_callers_permanent_refusal_does_not_affect_others() -> None:
    env = make_faulty_env(reports="1", photos="1")
    faults(env)[SALES.owner] = PERMANENT
    env.pool.start()
    await refusal(env, SALES)
    now = env.clock.boot()
    assert await env.pool.ready(BILLING) is not None
    assert await env.pool.ready(replace(SALES, bucket="photos")) is not None
    assert env.clock.boot() - now < AT_ONCE
    assert env.pool.is_alive("reports")


@in_virtual_time
async def test_permanent_refusals_leave_the_current_session_in_use() -> None:
    env = make_faulty_env(reports="1")
    signing = await env.pool.ready(SALES)
    faults(env)[SALES.owner] = PERMANENT
    await asyncio.sleep(DUE_AT)
    env.pool.current(SALES)
    await asyncio.sleep(HOUR - EXPIRY_MARGIN - 2 - DUE_AT)
    assert len(env.source.asked) == 2
    assert env.pool.current(SALES) is signing
    await asyncio.sleep(2)
    await refusal(env, SALES)
    assert len(env.source.asked) == 2


@in_virtual_time
async def test_throttling_delays_all_sessions_of_the_account() -> None:
    env = make_faulty_env(reports="1", photos="1")
    faults(env)[SALES.owner] = THROTTLED
    assert (await refusal(env, SALES)).retry_after == 2  # 1.5 s, rounded up
    for key in (BILLING, OWN, replace(BILLING, bucket="photos")):
        assert (await refusal(env, key)).retry_after == 2
    assert env.source.asked == [SALES.owner]
    assert env.sources["photos"].asked == []
    await asyncio.sleep(1.6)
    assert await env.pool.ready(BILLING) is not None


@in_virtual_time
async def test_throttling_does_not_affect_other_accounts_or_good_sessions() -> None:
    env = make_faulty_env(reports="1", photos="2")
    signing = await env.pool.ready(BILLING)
    faults(env)[SALES.owner] = THROTTLED
    await refusal(env, SALES)
    assert await env.pool.ready(replace(BILLING, bucket="photos")) is not None
    assert await env.pool.ready(BILLING) is signing


@in_virtual_time
async def test_other_failures_delay_no_other_session() -> None:
    env = make_faulty_env(reports="1")
    faults(env)[SALES.owner] = SessionRefused("AccessDenied")
    await refusal(env, SALES)
    assert await env.pool.ready(BILLING) is not None


@in_virtual_time
async def test_a_later_throttling_does_not_shorten_the_pause() -> None:
    """Both attempts started before either was throttled."""
    env = make_faulty_env(reports="1")
    faults(env)[SALES.owner] = SessionRefused("AccessDenied")
    for pause in (1.5, 2.5, 4.5, 8.5):  # so that its next pause is a long one
        await refusal(env, SALES)
        await asyncio.sleep(pause + 0.1)
    faults(env)[SALES.owner] = faults(env)[BILLING.owner] = THROTTLED
    env.source.delay = 1
    longer = asyncio.ensure_future(refusal(env, SALES))
    await asyncio.sleep(0.5)
    await refusal(env, BILLING)
    await longer
    assert (await refusal(env, OWN)).retry_after == pytest.approx(16, abs=1)


@in_virtual_time
async def test_throttling_stops_queued_attempts() -> None:
    env = make_env()
    env.source.fault = THROTTLED
    keys = [replace(SALES, owner=(None, f"caller-{number}")) for number in range(100)]
    errors = await asyncio.gather(*(refusal(env, key) for key in keys))
    before_the_pause_ends = [at for at in env.source.asked_at if at < 1]
    assert len(before_the_pause_ends) <= MAX_IN_FLIGHT_A_BUCKET
    assert all(error.retry_after for error in errors)
