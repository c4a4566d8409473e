"""Vending with a slow STS, without one, and with grants that change, in virtual time."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from service.access.grants import Caller, Grant, Operation
from service.access.narrowing import Permission
from service.errors import CredentialsUnavailable, Forbidden, InvalidRequest, RateLimited
from service.presigning.requests import Requester
from service.protocols.vended_credentials import CredentialsRequest, VendedCredentials
from service.protocols.vending import CredentialVending
from service.sessions.refresh_policy import VENDED_REMAINING
from tests.access.policy_evaluator import allows
from tests.support.authorizer import Harness, make_harness
from tests.support.factories import REQUESTER, make_grant, make_requester, make_snapshot
from tests.support.virtual_time import in_virtual_time

HALF_AN_HOUR: Final = 1800.0
READER: Final = make_grant(
    prefix="a/", allow=frozenset({Operation.DOWNLOAD, Operation.CREDENTIALS})
)
KEY: Final = "arn:aws:s3:::acme-reports/{}"


@dataclass
class Vending:
    harness: Harness

    def __post_init__(self) -> None:
        authorizer = self.harness.authorizer
        self._vending = CredentialVending(authorizer, authorizer._pool)

    async def vend(
        self,
        requester: Requester = REQUESTER,
        *,
        bucket: str = "reports",
        prefix: str = "",
        permission: str = "READWRITE",
    ) -> VendedCredentials:
        request = CredentialsRequest(
            bucket=bucket, prefix=prefix, permission=Permission(permission)
        )
        return await self._vending.vend(requester, request)

    async def refusal(self) -> CredentialsUnavailable:
        with pytest.raises(CredentialsUnavailable) as refused:
            await self.vend()
        return refused.value

    @property
    def policy(self) -> str:
        """The policy of the last session."""
        return self.harness.source.policies[-1] or ""


def make_vending(*grants: Grant, delay: float = 0.1, seconds: float = HALF_AN_HOUR) -> Vending:
    snapshot = make_snapshot(*(grants or [READER]))
    return Vending(make_harness(snapshot, delay=delay, session_seconds=seconds))


@in_virtual_time
async def test_a_callers_programs_share_a_session() -> None:
    vending = make_vending()
    given = await asyncio.gather(*(vending.vend() for _ in range(50)))
    assert len({id(each.session) for each in given}) == 1
    assert vending.harness.source.fetched == [(None, "billing")]
    assert vending.harness.source.vended == [True]


@in_virtual_time
async def test_credentials_end_with_their_session() -> None:
    vended = await make_vending().vend()
    assert vended.validity.expires_at == int(vended.session.expires_at)
    assert vended.validity.expires_in == pytest.approx(HALF_AN_HOUR, abs=1)


@in_virtual_time
async def test_a_slow_sts_is_answered_in_time_and_found_by_the_retry() -> None:
    vending = make_vending(delay=3)
    began = vending.harness.clock.boot()
    assert (await vending.refusal()).retry_after == 1
    assert vending.harness.clock.boot() - began < 1.5
    await asyncio.sleep(1)  # as botocore does
    await vending.vend()
    assert len(vending.harness.source.fetched) == 1


@in_virtual_time
async def test_without_sts_what_is_still_good_is_served() -> None:
    """Each answer takes less than 1.5 s, and none is of a session that SDKs would ask for again."""
    vending = make_vending()
    first = await vending.vend()
    vending.harness.source.hangs = True
    for _ in range(200):
        await asyncio.sleep(10)
        began = vending.harness.clock.boot()
        if first.session.remaining(vending.harness.clock) > VENDED_REMAINING:
            assert (await vending.vend()).session is first.session
        else:
            assert (await vending.refusal()).retry_after is not None
        assert vending.harness.clock.boot() - began < 1.5
    vending.harness.source.hangs = False
    await asyncio.sleep(120)
    assert (await vending.vend()).session is not first.session


@in_virtual_time
async def test_sessions_that_are_always_too_short_are_not_handed_out() -> None:
    vending = make_vending(seconds=900)
    for _ in range(100):
        assert (await vending.refusal()).retry_after is not None
        await asyncio.sleep(1)
    assert len(vending.harness.source.fetched) <= 6


@in_virtual_time
async def test_a_run_outlives_many_sessions() -> None:
    """A program that refreshes as botocore does, 15 minutes before the end, never waits."""
    vending, ends_at, sessions = make_vending(delay=1), 0.0, set()
    await vending.vend()
    for _ in range(12 * 60):
        if ends_at - vending.harness.clock.wall() < 900:
            began = vending.harness.clock.boot()
            vended = await vending.vend()
            assert vending.harness.clock.boot() - began < 0.01
            ends_at = float(vended.validity.expires_at)
            sessions.add(id(vended.session))
        await asyncio.sleep(60)
    assert len(sessions) > 40


@in_virtual_time
async def test_narrowing_is_in_the_policy() -> None:
    vending = make_vending(make_grant(prefix="a/"))
    await vending.vend(prefix="a/b/", permission="READ")
    assert allows(vending.policy, "s3:GetObject", KEY.format("a/b/c"))
    assert not allows(vending.policy, "s3:GetObject", KEY.format("a/c"))
    assert not allows(vending.policy, "s3:PutObject", KEY.format("a/b/c"))
    await vending.vend(prefix="a/b/", permission="WRITE")
    assert allows(vending.policy, "s3:PutObject", KEY.format("a/b/c"))
    assert not allows(vending.policy, "s3:GetObject", KEY.format("a/b/c"))


@pytest.mark.parametrize(
    "asked",
    [
        {"bucket": "nowhere"},
        {"prefix": "b/"},
        {"prefix": "a"},
        {"permission": "WRITE"},
    ],
    ids=str,
)
@in_virtual_time
async def test_what_is_not_granted_is_forbidden_alike(asked: dict[str, Any]) -> None:
    vending = make_vending()
    with pytest.raises(Forbidden):
        await vending.vend(**asked)
    assert vending.harness.source.fetched == []


@in_virtual_time
async def test_another_caller_gets_nothing() -> None:
    stranger = make_requester(Caller(issuer="cluster-a", subject="billing"))
    with pytest.raises(Forbidden):
        await make_vending().vend(stranger)


@in_virtual_time
async def test_a_policy_that_sts_would_refuse_is_refused_here() -> None:
    vending = make_vending(*(replace(READER, prefix=f"{'x' * 90}{n}/") for n in range(20)))
    with pytest.raises(InvalidRequest, match="2048 characters"):
        await vending.vend()
    await vending.vend(prefix=f"{'x' * 90}7/")


@in_virtual_time
async def test_a_grant_that_is_withdrawn_during_the_wait_gives_nothing() -> None:
    vending = make_vending(delay=1)
    waiting = asyncio.create_task(vending.vend())
    await asyncio.sleep(0.5)
    vending.harness.authorizer.snapshot = make_snapshot()
    with pytest.raises(Forbidden):
        await waiting


@in_virtual_time
async def test_each_answer_is_audited_first() -> None:
    vending = make_vending()
    vended = await vending.vend(prefix="a/b/", permission="READ")
    with pytest.raises(Forbidden):
        await vending.vend(prefix="b/")
    allowed, denied = vending.harness.audit_lines
    common = {"operation": "credentials", "action": "VendCredentials", "bucket": "reports"}
    assert (
        allowed.items()
        >= {
            **common,
            "decision": "allowed",
            "permission": "READ",
            "session_name": vended.session.name,
            "access_key_id": vended.session.credentials.access_key_id,
            "expires_in": vended.validity.expires_in,
        }.items()
    )
    assert allowed["keys"] == ["a/b/"]
    assert denied.items() >= {**common, "decision": "denied", "reason": "forbidden"}.items()
    assert denied["keys"] == ["b/"]


@in_virtual_time
async def test_without_an_audit_line_nothing_is_handed_out() -> None:
    def full(_: object) -> None:
        raise RateLimited("full")

    vending = make_vending()
    vending.harness.write_audit_to(full)
    with pytest.raises(RateLimited):
        await vending.vend()


@in_virtual_time
async def test_no_representation_shows_a_secret() -> None:
    vended = await make_vending().vend()
    keys = vended.session.credentials
    for secret in (keys.secret_access_key, str(keys.session_token)):
        assert secret not in repr(vended)
