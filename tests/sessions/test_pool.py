"""In virtual time: see `tests/fakes.py`. `asyncio.sleep` is how a test moves the clock."""

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from botocore.parsers import create_parser

from service.errors import CredentialsUnavailable
from service.sessions.pool import (
    ATTEMPT_SECONDS,
    HASTEN_PAUSE,
    MAX_IN_FLIGHT,
    MAX_IN_FLIGHT_A_BUCKET,
    MAX_SESSIONS,
    PooledBucket,
    SessionKey,
    SessionPool,
)
from service.sessions.refresh import EXPIRY_MARGIN
from service.sessions.sts import AssumedRole, Role
from tests.fakes import ADDRESS, SECRET, TOKEN, FakeClock, FakeSource, in_virtual_time, loop_clock

OWN = SessionKey("reports", None)
BILLING = SessionKey("reports", (None, "billing"))
PROMISE = 900.0
AT_ONCE = 0.01  # seconds
DUE_AT = 3600 - PROMISE - 60  # without jitter, a session of an hour is refreshed at this age


@dataclass
class House:
    """A pool over one fake source a bucket."""

    clock: FakeClock
    source: FakeSource
    pool: SessionPool
    sources: dict[str, FakeSource] = field(default_factory=dict)


def a_house(*more: str, length: float = 3600, delay: float = 0.1, chance: float = 0) -> House:
    """Buckets: `reports`, and what else is named."""
    clock = loop_clock()
    sources = {name: FakeSource(clock, length=length, delay=delay) for name in ("reports", *more)}
    buckets = {
        name: PooledBucket(source=source, address=ADDRESS, promise=PROMISE)
        for name, source in sources.items()
    }
    pool = SessionPool(buckets, clock=clock, chance=lambda: chance)
    return House(clock, sources["reports"], pool, sources)


def owned(number: int) -> SessionKey:
    return SessionKey("reports", (None, f"caller-{number}"))


async def refusal(house: House, key: SessionKey = OWN) -> CredentialsUnavailable:
    with pytest.raises(CredentialsUnavailable) as refused:
        await house.pool.ready(key)
    return refused.value


def key_id(house: House, key: SessionKey = OWN) -> str | None:
    signing = house.pool.current(key)
    return None if signing is None else signing.session.credentials.access_key_id


# A cold start


@in_virtual_time
async def test_two_hundred_cold_callers_share_one_fetch_a_key() -> None:
    house = a_house()
    callers = [house.pool.ready(key) for _ in range(100) for key in (OWN, BILLING)]
    given = await asyncio.gather(*callers)
    assert house.source.asked == [OWN.owner, BILLING.owner]
    assert {id(signing) for signing in given[::2]} == {id(house.pool.current(OWN))}
    assert {id(signing) for signing in given[1::2]} == {id(house.pool.current(BILLING))}


@in_virtual_time
async def test_a_session_that_is_there_is_given_without_a_wait() -> None:
    house = a_house()
    first = await house.pool.ready(OWN)
    now = house.clock.boot()
    assert await house.pool.ready(OWN) is first
    assert house.pool.current(OWN) is first
    assert house.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_to_look_for_a_session_starts_none() -> None:
    house = a_house()
    assert house.pool.current(OWN) is None
    assert not house.pool.is_alive("reports")
    await asyncio.sleep(60)
    assert house.source.asked == []


@in_virtual_time
async def test_a_start_brings_each_buckets_own_session_and_waits_for_none() -> None:
    house = a_house("photos")
    house.pool.start()
    assert not house.pool.is_alive("reports")
    await asyncio.sleep(1)
    assert house.pool.is_alive("reports")
    assert house.pool.is_alive("photos")
    assert [source.asked for source in house.sources.values()] == [[None], [None]]


@in_virtual_time
async def test_a_bucket_is_not_alive_by_a_callers_session() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    assert not house.pool.is_alive("reports")


@in_virtual_time
async def test_buckets_and_owners_have_sessions_of_their_own() -> None:
    house = a_house("photos")
    keys = [
        SessionKey(bucket, owner)
        for bucket in ("reports", "photos")
        for owner in (None, (None, "b"), ("a", "b"))
    ]
    given = [await house.pool.ready(key) for key in keys]
    assert len({id(signing) for signing in given}) == 6
    assert house.sources["photos"].asked == [None, (None, "b"), ("a", "b")]


@in_virtual_time
async def test_no_more_than_sixteen_calls_to_sts_are_under_way() -> None:
    house = a_house("photos", "films", delay=1)
    waiting = [
        asyncio.ensure_future(house.pool.ready(SessionKey(bucket, (None, str(number)))))
        for bucket in house.sources
        for number in range(MAX_IN_FLIGHT_A_BUCKET + 2)
    ]
    await asyncio.sleep(0.5)
    under_way = [len(source.asked) for source in house.sources.values()]
    assert sum(under_way) == MAX_IN_FLIGHT
    assert max(under_way) == MAX_IN_FLIGHT_A_BUCKET
    await asyncio.gather(*waiting)


@in_virtual_time
async def test_a_caller_that_goes_away_does_not_stop_the_fetch() -> None:
    house = a_house(delay=0.5)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await house.pool.ready(OWN)
    signing = await house.pool.ready(OWN)
    assert house.pool.current(OWN) is signing
    assert house.source.asked == [None]


# A source that fails


@in_virtual_time
async def test_a_failing_source_is_asked_once_for_all_and_callers_are_told_when_to_return() -> None:
    house = a_house(chance=0.5)
    house.source.fault = OSError("no route")
    errors = await asyncio.gather(*(refusal(house) for _ in range(200)))
    assert house.source.asked == [None]
    assert {error.retry_after for error in errors} == {2}  # 1.5 s, rounded up


@in_virtual_time
async def test_a_caller_is_refused_at_once_during_a_backoff() -> None:
    house = a_house(chance=0.5)
    house.source.fault = OSError("no route")
    await refusal(house)
    now = house.clock.boot()
    error = await refusal(house)
    assert house.clock.boot() - now < AT_ONCE
    assert error.retry_after == 2
    assert house.source.asked == [None]


@in_virtual_time
async def test_a_failing_source_is_asked_once_a_backoff_step_however_many_ask_us() -> None:
    house = a_house(delay=0, chance=0.5)
    house.source.fault = OSError("no route")
    while house.clock.boot() < 120:
        await asyncio.gather(*(refusal(house) for _ in range(10)))
        await asyncio.sleep(0.25)
    pauses = [later - sooner for sooner, later in pairwise(house.source.asked_at)]
    assert pauses == pytest.approx([1.5, 2.5, 4.5, 8.5, 16.5, 30.5, 30.5], abs=0.01)


@in_virtual_time
async def test_a_source_that_recovers_is_found_by_the_pool_itself() -> None:
    house = a_house()
    house.source.fault = OSError("no route")
    await refusal(house)
    house.source.fault = None
    await asyncio.sleep(1.2)
    assert house.pool.current(OWN) is not None


@in_virtual_time
async def test_a_source_that_recovers_is_forgiven_its_failures() -> None:
    house = a_house(chance=0.5)
    house.source.fault = OSError("no route")
    house.pool.start()
    await asyncio.sleep(100)
    house.source.fault = None
    await asyncio.sleep(30.5 + HASTEN_PAUSE)
    house.source.fault = OSError("no route")
    house.pool.hasten(OWN)
    await asyncio.sleep(2)
    first, second = house.source.asked_at[-2:]
    assert second - first == pytest.approx(1.6, abs=0.01)  # the first pause, and the attempt


@in_virtual_time
async def test_a_source_that_fails_leaves_a_good_session_in_use_to_its_end() -> None:
    house = a_house(delay=0)
    signing = await house.pool.ready(OWN)
    house.source.fault = OSError("no route")
    await asyncio.sleep(3600 - EXPIRY_MARGIN - 2)
    assert len(house.source.asked) > 1
    assert house.pool.current(OWN) is signing
    await asyncio.sleep(2)
    assert house.pool.current(OWN) is None
    assert not house.pool.is_alive("reports")
    await refusal(house)


@in_virtual_time
async def test_a_source_that_hangs_holds_nobody_who_has_a_good_session() -> None:
    house = a_house()
    signing = await house.pool.ready(OWN)
    house.source.hangs = True
    await asyncio.sleep(DUE_AT + 1)
    assert len(house.source.asked) == 2
    now = house.clock.boot()
    assert await house.pool.ready(OWN) is signing
    assert house.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_a_cold_caller_of_a_source_that_hangs_is_refused_within_the_limit() -> None:
    house = a_house()
    house.source.hangs = True
    begun = house.clock.boot()
    error = await refusal(house)
    assert house.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1
    assert error.retry_after is not None
    assert error.retry_after >= 1


@in_virtual_time
async def test_a_source_that_hangs_is_given_up_and_asked_again() -> None:
    house = a_house()
    house.source.hangs = True
    house.pool.start()
    await asyncio.sleep(ATTEMPT_SECONDS + 0.1)
    house.source.hangs = False
    await asyncio.sleep(2)
    assert house.pool.is_alive("reports")


# What may replace a session, and its end


@pytest.mark.parametrize("lives", [-1.0, 0.0, EXPIRY_MARGIN, 2000 - DUE_AT])
@in_virtual_time
async def test_an_answer_that_is_dead_or_shorter_keeps_what_we_have(lives: float) -> None:
    house = a_house()
    signing = await house.pool.ready(OWN)
    house.source.lives = lives
    await asyncio.sleep(DUE_AT + 10)
    assert len(house.source.asked) > 1
    assert house.pool.current(OWN) is signing


@in_virtual_time
async def test_a_cold_caller_is_given_no_dead_session() -> None:
    house = a_house()
    house.source.lives = EXPIRY_MARGIN
    assert (await refusal(house)).retry_after == 1
    assert house.pool.current(OWN) is None


@in_virtual_time
async def test_a_session_in_use_is_renewed_before_its_promise_is_broken_all_day() -> None:
    house = a_house(chance=0.5)
    house.pool.start()
    await asyncio.sleep(1)
    for _ in range(24 * 60):
        await asyncio.sleep(60)
        signing = house.pool.current(OWN)
        assert signing is not None
        assert signing.session.remaining(house.clock) >= PROMISE
    assert len(house.source.asked) <= 24 * 3600 / (DUE_AT - 60) + 1


@in_virtual_time
async def test_a_session_shorter_than_asked_for_is_renewed_by_its_own_length() -> None:
    house = a_house(length=3600)
    house.source.lives = 900
    house.pool.start()
    await asyncio.sleep(299)
    assert len(house.source.asked) == 1
    await asyncio.sleep(10)
    assert len(house.source.asked) == 2


@in_virtual_time
async def test_a_session_that_died_while_the_machine_slept_is_fetched_anew() -> None:
    house = a_house()
    first = await house.pool.ready(OWN)
    house.clock.suspend(4000)
    assert house.pool.current(OWN) is None
    assert await house.pool.ready(OWN) is not first


@in_virtual_time
async def test_a_session_cut_short_by_the_machines_sleep_is_renewed_soon_after() -> None:
    house = a_house()
    await house.pool.ready(OWN)
    house.clock.suspend(3500)
    await asyncio.sleep(60)
    assert len(house.source.asked) == 2


# Hastening


@in_virtual_time
async def test_a_session_is_hastened_though_it_is_good() -> None:
    house = a_house()
    first = await house.pool.ready(OWN)
    await asyncio.sleep(HASTEN_PAUSE + 1)
    assert house.pool.hasten(OWN) == 1
    await asyncio.sleep(1)
    assert house.pool.current(OWN) is not first
    assert len(house.source.asked) == 2


@in_virtual_time
async def test_a_young_session_is_not_hastened_however_often_one_asks() -> None:
    house = a_house(delay=0)
    await house.pool.ready(OWN)
    for age in range(29):
        assert house.pool.hasten(OWN) == HASTEN_PAUSE - age
        await asyncio.sleep(1)
    assert len(house.source.asked) == 1


@in_virtual_time
async def test_hastening_waits_for_the_backoff() -> None:
    house = a_house(chance=0.5, delay=0)
    await house.pool.ready(OWN)
    house.source.fault = OSError("no route")
    await asyncio.sleep(DUE_AT)  # jitter makes it due 24 s before, and the sixth attempt is to come
    asked = len(house.source.asked)
    told = house.pool.hasten(OWN)
    await asyncio.sleep(told - 1)
    assert len(house.source.asked) == asked
    await asyncio.sleep(1)
    assert len(house.source.asked) == asked + 1


# Which sessions are let go


@in_virtual_time
async def test_a_session_that_nobody_used_since_it_came_is_let_go_when_it_is_due() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    await asyncio.sleep(DUE_AT + 1)
    assert house.source.asked == [BILLING.owner] * 2  # used as it came, so renewed once
    await asyncio.sleep(DUE_AT + 1)
    assert house.pool.current(BILLING) is None
    await asyncio.sleep(24 * 3600)
    assert house.source.asked == [BILLING.owner] * 2


@in_virtual_time
async def test_a_session_that_is_used_now_and_then_is_kept() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    for _ in range(100):
        await asyncio.sleep(600)
        assert house.pool.current(BILLING) is not None


@in_virtual_time
async def test_a_buckets_own_session_is_kept_though_nobody_uses_it() -> None:
    house = a_house()
    house.pool.start()
    await asyncio.sleep(24 * 3600)
    assert house.pool.is_alive("reports")


@in_virtual_time
async def test_a_caller_let_go_is_served_anew() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    await asyncio.sleep(24 * 3600)
    assert await house.pool.ready(BILLING) is house.pool.current(BILLING)


@in_virtual_time
async def test_a_caller_whose_first_session_never_comes_is_given_up() -> None:
    house = a_house()
    house.source.fault = OSError("access denied")
    await refusal(house, BILLING)
    await asyncio.sleep(24 * 3600)
    asked = len(house.source.asked)
    await asyncio.sleep(24 * 3600)
    assert len(house.source.asked) == asked


@in_virtual_time
async def test_a_caller_gone_while_its_session_cannot_be_renewed_is_given_up() -> None:
    house = a_house()
    await house.pool.ready(BILLING)
    house.source.fault = OSError("access denied")
    await asyncio.sleep(24 * 3600)
    asked = len(house.source.asked)
    await asyncio.sleep(24 * 3600)
    assert len(house.source.asked) == asked


@in_virtual_time
async def test_where_there_is_no_room_the_longest_idle_is_let_go() -> None:
    house = a_house(delay=0)
    house.pool.start()
    await asyncio.sleep(1)
    for number in range(MAX_SESSIONS - 1):
        await house.pool.ready(owned(number))
    await asyncio.sleep(1)
    assert house.pool.current(owned(0)) is not None  # used just now
    await house.pool.ready(owned(MAX_SESSIONS))
    assert house.pool.current(owned(1)) is None
    assert house.pool.current(owned(0)) is not None
    assert house.pool.current(owned(2)) is not None
    assert house.pool.is_alive("reports")  # idle for longest, but the bucket's own
    await asyncio.sleep(1)
    assert len(asyncio.all_tasks()) == MAX_SESSIONS + 1  # and the test's own
    await house.pool.stop()


@in_virtual_time
async def test_whoever_waits_for_a_session_that_is_let_go_is_refused_at_once() -> None:
    house = a_house(delay=1)
    first = asyncio.ensure_future(refusal(house, owned(0)))
    await asyncio.sleep(0.5)
    others = [
        asyncio.ensure_future(house.pool.ready(owned(number + 1))) for number in range(MAX_SESSIONS)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    begun = house.clock.boot()
    assert (await first).retry_after is not None
    assert house.clock.boot() - begun < AT_ONCE
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await house.pool.stop()


# A pool that stops


@in_virtual_time
async def test_a_pool_that_stops_leaves_no_task_behind() -> None:
    house = a_house("photos", delay=1)
    house.pool.start()
    waiting = asyncio.ensure_future(refusal(house, BILLING))
    await asyncio.sleep(0.5)  # one fetches, none has come
    await house.pool.stop()
    await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert house.pool.current(OWN) is None


@in_virtual_time
async def test_whoever_waits_when_the_pool_stops_is_refused_at_once() -> None:
    house = a_house(delay=1)
    waiting = asyncio.ensure_future(refusal(house))
    await asyncio.sleep(0.5)
    begun = house.clock.boot()
    await house.pool.stop()
    await waiting
    assert house.clock.boot() - begun < AT_ONCE


# Attempts that end strangely


@in_virtual_time
async def test_a_cancellation_from_within_a_source_is_a_failure_like_others() -> None:
    house = a_house()
    house.source.fault = asyncio.CancelledError()
    await refusal(house)
    house.source.fault = None
    await asyncio.sleep(60)
    assert house.pool.current(OWN) is not None


@in_virtual_time
async def test_a_bucket_whose_sts_hangs_does_not_hold_up_another_buckets_callers() -> None:
    house = a_house("photos")
    house.sources["photos"].hangs = True
    hanging = [
        asyncio.ensure_future(refusal(house, SessionKey("photos", (None, str(n)))))
        for n in range(MAX_IN_FLIGHT)
    ]
    await asyncio.sleep(0)
    assert await house.pool.ready(OWN) is house.pool.current(OWN)
    await asyncio.gather(*hanging)


# Secrets


@in_virtual_time
async def test_no_log_record_and_no_repr_shows_a_secret_or_a_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    house = a_house()
    signing = await house.pool.ready(BILLING)
    signing.signer.state("20260101")
    house.source.fault = OSError(f"no route for {SECRET}")
    await asyncio.sleep(3600)
    shown = f"{caplog.text} {signing!r} {signing.session!r} {signing.signer!r} {house.pool!r}"
    assert "again in 1 s: OSError" in shown
    assert "ASIAFAKE" in shown
    assert SECRET not in shown
    assert TOKEN not in shown


class UnreadableSts:
    """Its answer is cut or has something added, so that botocore quotes all of it in an error."""

    async def assume_role(self, **_: object) -> object:
        body = f"<a><SecretAccessKey>{SECRET}</SecretAccessKey></a><junk/>".encode()
        return create_parser("query").parse({"headers": {}, "body": body, "status_code": 200}, None)


@in_virtual_time
async def test_an_answer_that_the_sdk_cannot_read_is_not_logged_with_its_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    role = Role(arn="arn:aws:iam::111122223333:role/r", region="eu-west-1", session_seconds=3600)
    source = AssumedRole(UnreadableSts(), role, loop_clock())
    bucket = PooledBucket(source=source, address=ADDRESS, promise=PROMISE)
    pool = SessionPool({"reports": bucket}, clock=loop_clock(), chance=lambda: 0)
    with pytest.raises(CredentialsUnavailable):
        await pool.ready(OWN)
    assert "no new session for bucket reports" in caplog.text
    assert SECRET not in caplog.text
