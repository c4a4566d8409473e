"""Where sessions come from: an assumed role, a web identity, static keys."""

from dataclasses import dataclass, field, replace
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

from service.sessions.sts import AssumedRole, Role, SessionRefused, StaticKeys, session_name
from tests.sessions.answers import make_response
from tests.support.fakes import SECRET, TOKEN, WALL, FakeClock

ROLE = Role(arn="arn:aws:iam::111122223333:role/presign", region="eu-west-1", session_seconds=3600)


@dataclass
class FakeSts:
    """Records each request, by the name of its call."""

    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fault: Exception | None = None

    async def assume_role(self, **request: Any) -> dict[str, Any]:
        self.requests.append(("assume_role", request))
        if self.fault is not None:
            raise self.fault
        return make_response()

    async def assume_role_with_web_identity(self, **request: Any) -> dict[str, Any]:
        self.requests.append(("assume_role_with_web_identity", request))
        return make_response()


async def test_roles_are_assumed_with_name_and_length() -> None:
    sts = FakeSts()
    source = AssumedRole(sts, replace(ROLE, session_seconds=7200), FakeClock())
    session = await source.fetch(("a", "b"), None)
    request = {
        "RoleArn": ROLE.arn,
        "RoleSessionName": session_name(("a", "b")),
        "DurationSeconds": 7200,
    }
    assert sts.requests == [("assume_role", request)]
    assert session.name == session_name(("a", "b"))
    assert source.length == 7200


async def test_the_external_id_is_sent_if_configured() -> None:
    sts = FakeSts()
    await AssumedRole(sts, replace(ROLE, external_id="acme-1"), FakeClock()).fetch(None, None)
    [(_, request)] = sts.requests
    assert request["ExternalId"] == "acme-1"


async def test_the_web_identity_token_is_read_each_time(tmp_path: Path) -> None:
    sts, file = FakeSts(), tmp_path / "token"
    source = AssumedRole(sts, replace(ROLE, web_identity_token_file=file), FakeClock())
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        await source.fetch(None, None)
    assert [call for call, _ in sts.requests] == ["assume_role_with_web_identity"] * 2
    assert [request["WebIdentityToken"] for _, request in sts.requests] == ["first", "second"]


async def test_web_identity_requests_have_no_external_id(tmp_path: Path) -> None:
    sts, file = FakeSts(), tmp_path / "token"
    file.write_text("token")
    role = replace(ROLE, web_identity_token_file=file, external_id="acme-1")
    await AssumedRole(sts, role, FakeClock()).fetch(None, None)
    assert "ExternalId" not in sts.requests[0][1]


async def test_a_missing_token_file_fails_without_calling_sts(tmp_path: Path) -> None:
    sts = FakeSts()
    role = replace(ROLE, web_identity_token_file=tmp_path / "gone")
    with pytest.raises(SessionRefused, match="gone: No such file"):
        await AssumedRole(sts, role, FakeClock()).fetch(None, None)
    assert sts.requests == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (EndpointConnectionError(endpoint_url="https://sts.test"), "https://sts.test"),
        (ConnectTimeoutError(endpoint_url="https://sts.test"), "https://sts.test"),
        (ReadTimeoutError(endpoint_url="https://sts.test"), "https://sts.test"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"), "AccessDenied"),
        (NoCredentialsError(), "NoCredentialsError"),
    ],
)
async def test_refusals_name_their_reason(fault: Exception, told: str) -> None:
    with pytest.raises(SessionRefused, match=told):
        await AssumedRole(FakeSts(fault=fault), ROLE, FakeClock()).fetch(None, None)


@dataclass
class FakeKeys:
    access_key: str = "AKIAEXAMPLE"
    secret_key: str = SECRET
    token: str | None = None

    async def get_frozen_credentials(self) -> "FakeKeys":
        return self


@dataclass
class FakeChain:
    """As aioboto3's session, of which one method is used."""

    keys: FakeKeys | None

    async def get_credentials(self) -> FakeKeys | None:
        return self.keys


async def test_static_keys_never_expire_and_use_the_local_clock() -> None:
    clock = FakeClock(skew=7)
    session = await StaticKeys(FakeChain(FakeKeys()), clock).fetch(("a", "b"), None)
    assert session.credentials.access_key_id == "AKIAEXAMPLE"
    assert session.credentials.secret_access_key == SECRET
    assert session.credentials.session_token is None
    assert session.remaining(clock) == float("inf")
    assert session.now(clock) == WALL + 7


async def test_static_keys_with_a_token_are_refused() -> None:
    with pytest.raises(SessionRefused, match="session token"):
        await StaticKeys(FakeChain(FakeKeys(token=TOKEN)), FakeClock()).fetch(None, None)


async def test_an_empty_credential_chain_is_refused() -> None:
    with pytest.raises(SessionRefused, match="no credentials"):
        await StaticKeys(FakeChain(None), FakeClock()).fetch(None, None)


async def test_session_repr_shows_no_secret() -> None:
    session = await AssumedRole(FakeSts(), ROLE, FakeClock()).fetch(None, None)
    assert "ASIAEXAMPLE" in repr(session)
    assert SECRET not in repr(session)
    assert TOKEN not in repr(session)
