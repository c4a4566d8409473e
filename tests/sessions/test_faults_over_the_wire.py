"""Trouble at STS while a session is good: nobody waits or is refused, and STS gets few calls."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

import pytest

from service.errors import CredentialsUnavailable
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignRequest
from service.presigning.results import PresignedRequest
from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.refresh_policy import EXPIRY_MARGIN, MAX_BACKOFF
from service.sessions.source import Role
from service.sessions.sts import AssumedRole
from tests.sessions.wire import FAULTS, WireSts
from tests.support.authorizer import make_authorizer
from tests.support.factories import REQUESTER, make_grant, make_request, make_snapshot
from tests.support.signed_urls import access_key_id_of, validity_of
from tests.support.virtual_time import FakeClock, in_virtual_time, loop_clock, server_time

HOUR = 3600
FIVE_MINUTES = 300
AT_ONCE = 0.01  # seconds
DATE = 1.2  # seconds by which a Date may be off: it has whole seconds, and takes time
CALLERS = 200


@dataclass
class Harness:
    clock: FakeClock
    sts: WireSts
    authorizer: Authorizer

    def __post_init__(self) -> None:
        self.presigner = Presigner(self.authorizer, unique_id=lambda: "id")

    async def sign(self, request: PresignRequest | None = None) -> PresignedRequest:
        """Sign at once. The URL ends no later than its session, even if a clock is wrong."""
        begun = self.clock.boot()
        signed = await self.presigner.presign(REQUESTER, request or make_request())
        assert self.clock.boot() - begun < AT_ONCE
        begins, lasts = validity_of(signed.url)
        assert begins + lasts == signed.validity.expires_at
        assert (
            signed.validity.expires_at
            <= self.sts.ends[access_key_id_of(signed.url)] - EXPIRY_MARGIN
        )
        assert abs(begins - server_time(self.clock)) < DATE
        return signed

    async def refused(self) -> CredentialsUnavailable:
        with pytest.raises(CredentialsUnavailable) as refused:
            await self.presigner.presign(REQUESTER, make_request())
        return refused.value


async def make_warm_harness(*, longest_lifetime: float = 900) -> Harness:
    """With the bucket's own session and the caller's."""
    clock = loop_clock()
    sts = WireSts(clock)
    role = Role(arn="arn:aws:iam::111122223333:role/r", region="eu-west-1", session_seconds=HOUR)
    snapshot = make_snapshot(make_grant(max_expires_in=int(longest_lifetime)))
    source = AssumedRole(sts, role, clock)
    authorizer = make_authorizer(
        snapshot, {"reports": source}, longest_lifetime=longest_lifetime, jitter=lambda: 0.5
    )
    harness = Harness(clock, sts, authorizer)
    authorizer._pool.start()
    await harness.presigner.presign(REQUESTER, make_request())
    return harness


async def five_minutes_before_the_end(fault: str) -> Harness:
    """With the fault from the start. The refresh is long overdue."""
    harness = await make_warm_harness()
    harness.sts.fault = fault
    for _ in range(HOUR - FIVE_MINUTES):
        await asyncio.sleep(1)
        harness.authorizer._pool.current(
            harness.authorizer.snapshot.access(REQUESTER.identity)
            .sessions[None]
            .session_keys["reports"]
        )
    return harness


@pytest.mark.parametrize("fault", FAULTS)
@in_virtual_time
async def test_a_fault_harms_nobody_while_a_session_is_good(fault: str) -> None:
    """Each session has one attempt at a time, with backoff."""
    harness = await five_minutes_before_the_end(fault)
    asked = len(harness.sts.called_at)
    requests = [make_request(expires_in=600) for _ in range(CALLERS)]
    signed = await asyncio.gather(*(harness.sign(request) for request in requests))
    assert {each.validity.limited_by for each in signed} == {"session"}
    assert len({access_key_id_of(each.url) for each in signed}) == 1
    assert len(harness.sts.called_at) - asked <= 1
    for _ in range(FIVE_MINUTES - 10):
        await asyncio.gather(*(harness.sign() for _ in range(5)))
        await asyncio.sleep(1)
    assert harness.sts.most_in_flight <= 2  # there are two sessions
    failing = harness.sts.called_at[2:]
    assert len(failing) >= 2
    # The mean pause is half a minute, and the first ones are shorter.
    assert len(failing) / 2 <= (900 + 60) / (1 + (MAX_BACKOFF - 1) / 2) + 6


@pytest.mark.parametrize("fault", FAULTS)
@in_virtual_time
async def test_after_a_fault_the_service_recovers_within_one_backoff(fault: str) -> None:
    harness = await five_minutes_before_the_end(fault)
    await asyncio.sleep(HOUR)
    if fault not in {"about to expire", "shorter than what is left"}:  # these are tested below
        errors = await asyncio.gather(*(harness.refused() for _ in range(CALLERS)))
        begun = harness.clock.boot()
        await harness.refused()
        assert harness.clock.boot() - begun <= ATTEMPT_SECONDS
        assert all(1 <= (error.retry_after or 0) <= MAX_BACKOFF for error in errors)
    harness.sts.fault = None
    await asyncio.sleep(MAX_BACKOFF + ATTEMPT_SECONDS)  # and the attempt that is running
    begun = harness.clock.boot()
    await harness.presigner.presign(REQUESTER, make_request())
    assert harness.clock.boot() - begun < 0.2
    assert harness.authorizer.can_sign()


@in_virtual_time
async def test_shorter_sessions_than_requested_are_used() -> None:
    harness = await five_minutes_before_the_end("shorter than what is left")
    for _ in range(HOUR):
        await asyncio.sleep(1)
        await harness.sign()
    pauses = [later - sooner for sooner, later in pairwise(harness.sts.called_at[-20:])]
    assert sum(pauses) / len(pauses) * 2 > 30  # two sessions of 120 s, renewed at a third


@pytest.mark.parametrize(
    "steps",
    [[1000.0, 0.0, -3000.0, 500.0], [0.5, -0.5], [1e6, -1e6], [1000.0], [-3000.0], [86_400.0]],
    ids=str,
)
@in_virtual_time
async def test_a_wrong_local_clock_changes_no_url_and_no_refresh(steps: list[float]) -> None:
    loop_clock().skew = steps[0]
    harness = await make_warm_harness()
    for minute in range(6 * 60):
        harness.clock.skew = steps[minute % len(steps)]
        signed = await harness.sign(make_request(expires_in=900))
        assert validity_of(signed.url)[1] == 900
        await asyncio.sleep(60)
    assert len(harness.sts.called_at) / 2 <= 6 * HOUR / (HOUR - 900 - 60 * 2) + 1


@in_virtual_time
async def test_twenty_minutes_of_outage_per_hour_refuse_nobody() -> None:
    """When a refresh is due, the session lasts longer than the outage."""
    harness = await make_warm_harness(longest_lifetime=1800)
    for minute in range(24 * 60):
        harness.sts.fault = "hangs" if minute % 60 < 20 else None
        await harness.sign(make_request(expires_in=1800))
        await asyncio.sleep(60)
    assert harness.sts.most_in_flight <= 2
