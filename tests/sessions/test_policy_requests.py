"""What STS is asked for a session within a policy, and how its answers are taken."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from service.sessions.sts import AssumedRole, Owner, Role, SessionRefused, session_name
from tests.sessions.answers import make_response
from tests.support.fakes import FakeClock

OWNER: Owner = ("cluster-a", "sales")
POLICY = '{"Version":"2012-10-17","Statement":[]}'
PERCENTAGE = "Packed size of session tags consumes 123% of allotted space."
ROLE = Role(arn="arn:aws:iam::111122223333:role/presign", region="eu-west-1", session_seconds=3600)


class FakeSts:
    """Records what it is asked; answers with a session, or with `fault`."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.requests: list[dict[str, Any]] = []

    async def assume_role(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self.fault is not None:
            raise self.fault
        return make_response()

    assume_role_with_web_identity = assume_role


async def refused_by(fault: Exception) -> SessionRefused:
    with pytest.raises(SessionRefused) as refused:
        await AssumedRole(FakeSts(fault), ROLE, FakeClock()).fetch(OWNER, POLICY)
    return refused.value


async def asked(owner: Owner, policy: str | None = POLICY, **role: Any) -> dict[str, Any]:
    sts = FakeSts()
    await AssumedRole(sts, replace(ROLE, **role), FakeClock()).fetch(owner, policy)
    [request] = sts.requests
    return request


def an_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "AssumeRole")


@pytest.mark.parametrize(
    "code", ["PackedPolicyTooLarge", "PackedPolicyTooLargeException", "MalformedPolicyDocument"]
)
async def test_rejected_policies_are_permanent_refusals(code: str) -> None:
    error = await refused_by(an_error(code, PERCENTAGE))
    assert (error.permanent, error.throttled) == (True, False)
    assert PERCENTAGE in str(error)


@pytest.mark.parametrize(
    "code",
    ["Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"],
)
async def test_throttling_codes_are_recognized(code: str) -> None:
    error = await refused_by(an_error(code))
    assert (error.permanent, error.throttled) == (False, True)


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "InternalFailure", ""])
async def test_other_error_codes_are_temporary(code: str) -> None:
    error = await refused_by(an_error(code))
    assert (error.permanent, error.throttled) == (False, False)


async def test_an_error_without_code_is_temporary() -> None:
    error = await refused_by(ClientError({}, "AssumeRole"))
    assert (error.permanent, error.throttled) == (False, False)


async def test_policies_are_sent_unchanged() -> None:
    assert (await asked(OWNER))["Policy"] == POLICY
    assert "Policy" not in await asked(OWNER, None)


async def test_a_policy_of_2048_characters_is_sent() -> None:
    assert len((await asked(OWNER, "x" * 2048))["Policy"]) == 2048


async def test_longer_policies_are_refused_without_calling_sts() -> None:
    sts = FakeSts()
    with pytest.raises(SessionRefused, match="2049 characters") as refused:
        await AssumedRole(sts, ROLE, FakeClock()).fetch(OWNER, "x" * 2049)
    assert refused.value.permanent
    assert sts.requests == []


async def test_web_identity_requests_have_the_policy(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token")
    request = await asked(OWNER, web_identity_token_file=file)
    assert request["Policy"] == POLICY
    assert request["WebIdentityToken"] == "token"
    assert not {"Tags", "SourceIdentity", "ExternalId"} & set(request)


async def test_tags_and_source_identity_are_optional() -> None:
    assert not {"Tags", "SourceIdentity"} & set(await asked(OWNER))


@pytest.mark.parametrize(
    ("owner", "values"),
    [
        (("cluster-a", "system:serviceaccount:billing:api"), ["cluster-a", "s-system:serviceaccount:billing:api", "fixed"]),
        ((None, "billing"), ["", "s-billing", "fixed"]),
        (None, ["presign", "s-presign", "fixed"]),
        (("a", "jörg {issuer}") , None),
    ],
)  # fmt: skip
async def test_session_tags_name_the_caller(owner: Owner, values: list[str] | None) -> None:
    tags = (("issuer", "{issuer}"), ("subject", "s-{subject}"), ("team", "fixed"))
    if values is None:
        with pytest.raises(SessionRefused):
            await asked(owner, session_tags=tags)
        return
    request = await asked(owner, session_tags=tags)
    names = ["issuer", "subject", "team"]
    assert request["Tags"] == [
        {"Key": name, "Value": value} for name, value in zip(names, values, strict=True)
    ]


@pytest.mark.parametrize("subject", ["a|b", "a\n", "a*", "a,b", 'q"', "a\t", "x" * 257, "{issuer}"])
async def test_subjects_unfit_for_tags_are_permanent_refusals(subject: str) -> None:
    sts = FakeSts()
    role = replace(ROLE, session_tags=(("subject", "{subject}"),))
    with pytest.raises(SessionRefused) as refused:
        await AssumedRole(sts, role, FakeClock()).fetch(("a", subject), POLICY)
    assert refused.value.permanent
    assert subject not in str(refused.value)
    assert sts.requests == []


async def test_the_source_identity_is_the_session_name() -> None:
    request = await asked(OWNER, source_identity=True)
    assert request["SourceIdentity"] == request["RoleSessionName"] == session_name(OWNER)
