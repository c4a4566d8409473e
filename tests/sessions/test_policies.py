"""A session within a policy, and what becomes of refusals: those that last, and those of a throttle."""

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
from tests.sessions.house import AT_ONCE, BILLING, DUE_AT, OWN, PROMISE, House, a_house, refusal
from tests.support.fakes import ADDRESS, FakeClock, FakeSource, in_virtual_time, loop_clock

POLICY = '{"Version":"2012-10-17","Statement":[]}'
HOUR = 3600
SALES = SessionKey("reports", ("cluster-a", "sales"), POLICY)
PERCENTAGE = "Packed size of session tags consumes 123% of allotted space."
LASTING = SessionRefused(f"PackedPolicyTooLarge: {PERCENTAGE}", permanent=True)
THROTTLED = SessionRefused("Throttling: Rate exceeded", throttled=True)


class FaultySource(FakeSource):
    """Refuses some owners, and gives the others a session."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.faults: dict[Owner, Exception] = {}

    async def fetch(self, owner: Owner, policy: str | None) -> Session:
        fault = self.faults.get(owner)
        session = await super().fetch(owner, policy)
        if fault is not None:
            raise fault
        return session


def a_faulty_house(**accounts: str) -> House:
    """A bucket for each name, in the account that it stands for; `reports` first."""
    clock = loop_clock()
    sources = {name: FaultySource(clock) for name in accounts}
    buckets = {
        name: BucketSessions(
            source=sources[name], address=ADDRESS, longest_lifetime=PROMISE, account=account
        )
        for name, account in accounts.items()
    }
    pool = SessionPool(buckets, clock=clock, chance=lambda: 0.5)
    return House(clock, sources["reports"], pool, dict(sources))


def faults(house: House, bucket: str = "reports") -> dict[Owner, Exception]:
    source = house.sources[bucket]
    assert isinstance(source, FaultySource)
    return source.faults


@in_virtual_time
async def test_a_session_is_fetched_for_its_owner_and_within_its_policy() -> None:
    house = a_house(delay=0)
    await house.pool.ready(SALES)
    await house.pool.ready(BILLING)
    assert house.source.asked == [SALES.owner, BILLING.owner]
    assert house.source.policies == [POLICY, None]


@in_virtual_time
async def test_a_renewed_session_keeps_its_policy() -> None:
    house = a_house(delay=0)
    await house.pool.ready(SALES)
    while len(house.source.policies) < 3:
        await asyncio.sleep(10)
        house.pool.current(SALES)
    assert house.source.policies == [POLICY] * 3


@in_virtual_time
async def test_another_policy_of_the_same_owner_is_another_session() -> None:
    house = a_house()
    other = replace(SALES, policy="{}")
    one, two = await asyncio.gather(house.pool.ready(SALES), house.pool.ready(other))
    assert one.session.credentials != two.session.credentials
    assert house.pool.current(SALES) is one


@in_virtual_time
async def test_a_buckets_own_session_is_fetched_within_its_own_policy() -> None:
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
async def test_a_lasting_refusal_is_not_asked_for_again_within_the_hour() -> None:
    house = a_faulty_house(reports="1")
    faults(house)[SALES.owner] = LASTING
    error = await refusal(house, SALES)
    assert error.retry_after == HOUR
    for _ in range(100):
        await asyncio.sleep((HOUR - 10) / 100)
        await refusal(house, SALES)
    assert house.source.asked == [SALES.owner]
    del faults(house)[SALES.owner]
    await asyncio.sleep(20)
    assert await house.pool.ready(SALES) is not None


@in_virtual_time
async def test_to_hasten_a_session_does_not_hasten_a_lasting_refusal() -> None:
    house = a_faulty_house(reports="1")
    faults(house)[SALES.owner] = LASTING
    await refusal(house, SALES)
    assert house.pool.request_refresh(SALES) > HOUR - 10
    await asyncio.sleep(60)
    assert house.source.asked == [SALES.owner]


@pytest.fixture(name="errors")
def _errors(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_lasting_refusal_is_an_error_in_the_log_with_the_words_of_sts(
    errors: pytest.LogCaptureFixture,
) -> None:
    @in_virtual_time
    async def refused() -> None:
        house = a_faulty_house(reports="1")
        faults(house)[SALES.owner] = LASTING
        await refusal(house, SALES)

    refused()
    [record] = errors.records
    assert record.levelno == logging.ERROR
    assert "123%" in record.getMessage()
    assert session_name(SALES.owner) in record.getMessage()
    assert "bucket reports" in record.getMessage()


def test_any_other_refusal_is_a_warning_for_it_may_pass(errors: pytest.LogCaptureFixture) -> None:
    @in_virtual_time
    async def refused() -> None:
        house = a_faulty_house(reports="1")
        faults(house)[SALES.owner] = SessionRefused("AccessDenied")
        await refusal(house, SALES)

    refused()
    assert [record.levelno for record in errors.records] == [logging.WARNING]


@in_virtual_time
async def test_a_lasting_refusal_of_one_caller_is_no_other_callers_affair() -> None:
    house = a_faulty_house(reports="1", photos="1")
    faults(house)[SALES.owner] = LASTING
    house.pool.start()
    await refusal(house, SALES)
    now = house.clock.boot()
    assert await house.pool.ready(BILLING) is not None
    assert await house.pool.ready(replace(SALES, bucket="photos")) is not None
    assert house.clock.boot() - now < AT_ONCE
    assert house.pool.is_alive("reports")


@in_virtual_time
async def test_a_good_session_stays_to_its_end_though_no_other_can_ever_be_had() -> None:
    house = a_faulty_house(reports="1")
    signing = await house.pool.ready(SALES)
    faults(house)[SALES.owner] = LASTING
    await asyncio.sleep(DUE_AT)
    house.pool.current(SALES)
    await asyncio.sleep(HOUR - EXPIRY_MARGIN - 2 - DUE_AT)
    assert len(house.source.asked) == 2
    assert house.pool.current(SALES) is signing
    await asyncio.sleep(2)
    await refusal(house, SALES)
    assert len(house.source.asked) == 2


@in_virtual_time
async def test_a_throttle_slows_all_sessions_of_the_account() -> None:
    house = a_faulty_house(reports="1", photos="1")
    faults(house)[SALES.owner] = THROTTLED
    assert (await refusal(house, SALES)).retry_after == 2  # 1.5 s, rounded up
    for key in (BILLING, OWN, replace(BILLING, bucket="photos")):
        assert (await refusal(house, key)).retry_after == 2
    assert house.source.asked == [SALES.owner]
    assert house.sources["photos"].asked == []
    await asyncio.sleep(1.6)
    assert await house.pool.ready(BILLING) is not None


@in_virtual_time
async def test_a_throttle_leaves_another_account_alone() -> None:
    house = a_faulty_house(reports="1", photos="2")
    faults(house)[SALES.owner] = THROTTLED
    await refusal(house, SALES)
    assert await house.pool.ready(replace(BILLING, bucket="photos")) is not None


@in_virtual_time
async def test_a_throttle_takes_no_good_session_away() -> None:
    house = a_faulty_house(reports="1")
    signing = await house.pool.ready(BILLING)
    faults(house)[SALES.owner] = THROTTLED
    await refusal(house, SALES)
    assert await house.pool.ready(BILLING) is signing


@in_virtual_time
async def test_any_other_failure_slows_nobody_else() -> None:
    house = a_faulty_house(reports="1")
    faults(house)[SALES.owner] = SessionRefused("AccessDenied")
    await refusal(house, SALES)
    assert await house.pool.ready(BILLING) is not None


@in_virtual_time
async def test_a_later_and_shorter_throttle_does_not_shorten_the_one_that_stands() -> None:
    """Both were asked for before either was answered; STS wants the longer rest all the same."""
    house = a_faulty_house(reports="1")
    faults(house)[SALES.owner] = SessionRefused("AccessDenied")
    for pause in (1.5, 2.5, 4.5, 8.5):  # so that the next throttle of this one is a long one
        await refusal(house, SALES)
        await asyncio.sleep(pause + 0.1)
    faults(house)[SALES.owner] = faults(house)[BILLING.owner] = THROTTLED
    house.source.delay = 1
    longer = asyncio.ensure_future(refusal(house, SALES))
    await asyncio.sleep(0.5)
    await refusal(house, BILLING)
    await longer
    assert (await refusal(house, OWN)).retry_after == pytest.approx(16, abs=1)


@in_virtual_time
async def test_a_throttle_stops_those_who_wait_for_their_turn_at_sts() -> None:
    """A morning's cold callers: all that are not on their way yet stay at home."""
    house = a_house()
    house.source.fault = THROTTLED
    keys = [replace(SALES, owner=(None, f"caller-{number}")) for number in range(100)]
    errors = await asyncio.gather(*(refusal(house, key) for key in keys))
    before_the_pause_ends = [at for at in house.source.asked_at if at < 1]
    assert len(before_the_pause_ends) <= MAX_IN_FLIGHT_A_BUCKET
    assert all(error.retry_after for error in errors)
