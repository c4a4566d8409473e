"""Sources of sessions: what they send to STS, how they classify errors, and static keys."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from service.sessions.source import Owner, Role, SessionRefused, session_name
from service.sessions.static_keys import StaticSource
from service.sessions.sts import AssumedRole, static_credentials
from tests.sessions.answers import make_response
from tests.support.factories import SECRET, TOKEN
from tests.support.virtual_time import CLOCK_START, FakeClock

OWNER: Owner = ("cluster-a", "sales")
POLICY = '{"Version":"2012-10-17","Statement":[]}'
PERCENTAGE = "Packed size of session tags consumes 123% of allotted space."
ROLE = Role(arn="arn:aws:iam::111122223333:role/presign", region="eu-west-1", session_seconds=3600)


@dataclass
class FakeSts:
    """Records each request with the name of its call. Raises `fault` if there is one."""

    fault: Exception | None = None
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def assume_role(self, **request: Any) -> dict[str, Any]:
        return self._answer("assume_role", request)

    async def assume_role_with_web_identity(self, **request: Any) -> dict[str, Any]:
        return self._answer("assume_role_with_web_identity", request)

    def _answer(self, call: str, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((call, request))
        if self.fault is not None:
            raise self.fault
        return make_response()


async def request_for(owner: Owner, policy: str | None = POLICY, **role: Any) -> dict[str, Any]:
    sts = FakeSts()
    await AssumedRole(sts, replace(ROLE, **role), FakeClock()).fetch(owner, policy)
    [(_, request)] = sts.requests
    return request


async def refusal(sts: FakeSts, owner: Owner, policy: str = POLICY, **role: Any) -> SessionRefused:
    with pytest.raises(SessionRefused) as refused:
        await AssumedRole(sts, replace(ROLE, **role), FakeClock()).fetch(owner, policy)
    return refused.value


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({}, {}),
        ({"session_seconds": 7200}, {"DurationSeconds": 7200}),
        ({"external_id": "acme-1"}, {"ExternalId": "acme-1"}),
        ({"source_identity": True}, {"SourceIdentity": session_name(OWNER)}),
    ],
    ids=str,
)
async def test_only_what_is_configured_is_sent(settings: Any, sent: dict[str, Any]) -> None:
    request = {"RoleArn": ROLE.arn, "RoleSessionName": session_name(OWNER), "DurationSeconds": 3600}
    assert await request_for(OWNER, None, **settings) == request | sent
    assert await request_for(OWNER, POLICY, **settings) == request | sent | {"Policy": POLICY}


async def test_a_session_has_its_name_and_length() -> None:
    source = AssumedRole(FakeSts(), replace(ROLE, session_seconds=7200), FakeClock())
    assert (await source.fetch(OWNER, None)).name == session_name(OWNER)
    assert source.length == 7200


async def test_the_web_identity_token_is_read_each_time(tmp_path: Path) -> None:
    sts, file = FakeSts(), tmp_path / "token"
    source = AssumedRole(sts, replace(ROLE, web_identity_token_file=file), FakeClock())
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        await source.fetch(None, None)
    assert [call for call, _ in sts.requests] == ["assume_role_with_web_identity"] * 2
    assert [request["WebIdentityToken"] for _, request in sts.requests] == ["first", "second"]


async def test_web_identity_requests_have_the_policy_and_no_external_id(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token")
    request = await request_for(OWNER, web_identity_token_file=file, external_id="acme-1")
    assert (request["Policy"], request["WebIdentityToken"]) == (POLICY, "token")
    assert not {"Tags", "SourceIdentity", "ExternalId"} & set(request)


async def test_a_missing_token_file_fails_without_calling_sts(tmp_path: Path) -> None:
    sts = FakeSts()
    error = await refusal(sts, None, web_identity_token_file=tmp_path / "gone")
    assert "gone: No such file" in str(error)
    assert sts.requests == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (EndpointConnectionError(endpoint_url="https://sts.test"), "https://sts.test"),
        (ConnectTimeoutError(endpoint_url="https://sts.test"), "https://sts.test"),
        (ReadTimeoutError(endpoint_url="https://sts.test"), "https://sts.test"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"), "AccessDenied"),
        (ClientError({}, "AssumeRole"), ""),
        (NoCredentialsError(), "NoCredentialsError"),
    ],
    ids=repr,
)
async def test_refusals_name_their_reason_and_are_temporary(fault: Exception, reason: str) -> None:
    error = await refusal(FakeSts(fault), OWNER)
    assert reason in str(error)
    assert (error.permanent, error.throttled) == (False, False)


@pytest.mark.parametrize(
    ("codes", "permanent", "throttled"),
    [
        (("PackedPolicyTooLarge", "PackedPolicyTooLargeException"), True, False),
        (("MalformedPolicyDocument",), True, False),
        (("Throttling", "ThrottlingException"), False, True),
        (("RequestLimitExceeded", "TooManyRequestsException"), False, True),
        (("AccessDenied", "ExpiredToken", "InternalFailure", ""), False, False),
    ],
)
async def test_error_codes_tell_how_to_go_on(
    codes: tuple[str, ...], *, permanent: bool, throttled: bool
) -> None:
    for code in codes:
        fault = ClientError({"Error": {"Code": code, "Message": PERCENTAGE}}, "AssumeRole")
        error = await refusal(FakeSts(fault), OWNER)
        assert (error.permanent, error.throttled) == (permanent, throttled), code
        assert PERCENTAGE in str(error)


async def test_a_policy_of_2048_characters_is_sent() -> None:
    assert len((await request_for(OWNER, "x" * 2048))["Policy"]) == 2048


async def test_longer_policies_are_refused_without_calling_sts() -> None:
    sts = FakeSts()
    error = await refusal(sts, OWNER, "x" * 2049)
    assert error.permanent
    assert "2049 characters" in str(error)
    assert sts.requests == []


@pytest.mark.parametrize(
    ("owner", "values"),
    [
        (("cluster-a", "system:sa:api"), ["cluster-a", "s-system:sa:api", "fixed"]),
        ((None, "billing"), ["", "s-billing", "fixed"]),
        (None, ["presign", "s-presign", "fixed"]),
    ],
)
async def test_session_tags_name_the_caller(owner: Owner, values: list[str]) -> None:
    tags = (("issuer", "{issuer}"), ("subject", "s-{subject}"), ("team", "fixed"))
    request = await request_for(owner, session_tags=tags)
    assert [tag["Key"] for tag in request["Tags"]] == ["issuer", "subject", "team"]
    assert [tag["Value"] for tag in request["Tags"]] == values


@pytest.mark.parametrize("subject", ["a|b", "a\n", "a*", "a,b", 'q"', "a\t", "x" * 257, "{issuer}"])
async def test_subjects_unfit_for_tags_are_permanent_refusals(subject: str) -> None:
    sts = FakeSts()
    error = await refusal(sts, ("a", subject), session_tags=(("subject", "{subject}"),))
    assert error.permanent
    assert subject not in str(error)
    assert sts.requests == []


@dataclass
class FakeKeys:
    access_key: str = "AKIAEXAMPLE"
    secret_key: str = SECRET
    token: str | None = None

    async def get_frozen_credentials(self) -> "FakeKeys":
        return self


@dataclass
class FakeChain:
    """Has the one method of aioboto3's session that is used."""

    keys: FakeKeys | None

    async def get_credentials(self) -> FakeKeys | None:
        return self.keys


def static_source(keys: FakeKeys | None, clock: FakeClock) -> StaticSource:
    return StaticSource(partial(static_credentials, FakeChain(keys)), clock)


async def test_static_keys_never_expire_and_use_the_local_clock() -> None:
    clock = FakeClock(skew=7)
    session = await static_source(FakeKeys(), clock).fetch(("a", "b"), None)
    assert session.credentials.access_key_id == "AKIAEXAMPLE"
    assert session.credentials.secret_access_key == SECRET
    assert session.credentials.session_token is None
    assert session.remaining(clock) == float("inf")
    assert session.now(clock) == CLOCK_START + 7


@pytest.mark.parametrize(
    ("keys", "reason"), [(FakeKeys(token=TOKEN), "session token"), (None, "no credentials")]
)
async def test_a_chain_without_static_keys_is_refused(keys: FakeKeys | None, reason: str) -> None:
    with pytest.raises(SessionRefused, match=reason):
        await static_source(keys, FakeClock()).fetch(None, None)


async def test_session_repr_shows_no_secret() -> None:
    session = await AssumedRole(FakeSts(), ROLE, FakeClock()).fetch(None, None)
    assert "ASIAEXAMPLE" in repr(session)
    assert SECRET not in repr(session)
    assert TOKEN not in repr(session)
