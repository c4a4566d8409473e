import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sessions.session import Session
from service.sessions.sts import (
    AssumedRole,
    Owner,
    Role,
    SessionRefused,
    StaticKeys,
    read_session,
    session_name,
)
from tests.fakes import SECRET, TOKEN, WALL, FakeClock

ROLE = Role(arn="arn:aws:iam::111122223333:role/presign", region="eu-west-1", session_seconds=3600)
ALLOWED_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")  # STS: API_AssumeRole

# No part of an owner that a configuration or a token lets in has a NUL or a lone surrogate.
parts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
owners = st.none() | st.tuples(st.none() | parts, parts)


# The session's name


def test_the_buckets_own_session_is_named_after_the_service() -> None:
    assert session_name(None) == "presign"


@pytest.mark.parametrize(
    ("subject", "readable"),
    [
        ("billing", "billing"),
        ("system:serviceaccount:billing:api", "system-serviceaccount-billing-api"),
        ("a b/c\\d\n", "a-b-c-d-"),
        ("jörg", "j-rg"),  # `\w` without ASCII would let it through
        ("it_is+=,.@-fine", "it_is+=,.@-fine"),
        ("", ""),
    ],
)
def test_a_session_bears_its_owners_readable_name(subject: str, readable: str) -> None:
    name, _, digest = session_name((None, subject)).rpartition("-")
    assert name == readable
    assert re.fullmatch("[0-9a-f]{12}", digest)


@given(owner=owners)
def test_a_session_name_is_one_that_sts_takes(owner: Owner) -> None:
    assert ALLOWED_NAME.fullmatch(session_name(owner))


@given(one=owners, other=owners)
def test_distinct_owners_have_distinct_names(one: Owner, other: Owner) -> None:
    assert (session_name(one) == session_name(other)) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), (None, "b")),
        (("a", "b"), ("b", "a")),
        (("a", "bc"), ("ab", "c")),
        ((None, "presign"), None),
        ((None, "a:b"), (None, "a/b")),
        ((None, "x" * 200), (None, "x" * 201)),
        ((None, "y" + "x" * 200), (None, "z" + "x" * 200)),
        ((None, "x" * 200 + "y"), (None, "x" * 200 + "z")),
    ],
)
def test_names_that_look_alike_are_told_apart(one: Owner, other: Owner) -> None:
    assert session_name(one) != session_name(other)


def test_a_long_subject_keeps_its_end_which_tells_more_than_its_start() -> None:
    name = session_name(("cluster", f"system:serviceaccount:{'n' * 80}:api"))
    assert len(name) == 64
    assert "n-api-" in name


# What STS answers


def an_answer(
    changes: Mapping[str, object] | None = None, *, server_time: float = WALL, seconds: float = 3600
) -> dict[str, Any]:
    given: dict[str, object] = {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": SECRET,
        "SessionToken": TOKEN,
        "Expiration": datetime.fromtimestamp(server_time + seconds, UTC),
    }
    date = format_datetime(datetime.fromtimestamp(server_time, UTC), usegmt=True)
    return {
        "Credentials": given | dict(changes or {}),
        "ResponseMetadata": {"HTTPHeaders": {"date": date}},
    }


def read(answer: dict[str, Any], clock: FakeClock | None = None) -> Session:
    clock = clock or FakeClock()
    return read_session(answer, name="n", asked_at=clock.boot(), clock=clock)


def test_a_good_answer_is_a_session() -> None:
    session = read(an_answer())
    assert session.credentials.access_key_id == "ASIAEXAMPLE"
    assert session.credentials.secret_access_key == SECRET
    assert session.credentials.session_token == TOKEN
    assert (session.name, session.starts_at, session.expires_at) == ("n", WALL, WALL + 3600)
    assert session.length == 3600


@pytest.mark.parametrize("part", ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
@pytest.mark.parametrize("value", [None, "", 5, [], {}])
def test_an_answer_without_one_of_its_parts_is_refused(part: str, value: object) -> None:
    with pytest.raises(SessionRefused):
        read(an_answer({part: value}))


@pytest.mark.parametrize("answer", [{}, {"Credentials": None}, {"Credentials": {}}])
def test_an_empty_answer_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(SessionRefused):
        read(answer)


def test_an_end_that_is_text_is_refused() -> None:
    with pytest.raises(SessionRefused, match="when its session ends"):
        read(an_answer({"Expiration": "2026-01-01T01:00:00Z"}))


def test_a_refusal_shows_no_secret() -> None:
    with pytest.raises(SessionRefused) as refused:
        read(an_answer({"Expiration": None}))
    assert SECRET not in repr(refused.value)
    assert TOKEN not in repr(refused.value)


def test_a_session_that_has_ended_has_nothing_left() -> None:
    clock = FakeClock()
    assert read(an_answer(seconds=-10), clock).remaining(clock) == -10


@pytest.mark.parametrize("skew", [0, 1000, -3000])
def test_a_wrong_local_clock_gives_the_servers_time(skew: float) -> None:
    clock = FakeClock(skew=skew)
    session = read(an_answer(), clock)
    clock.move(100)
    assert session.now(clock) == WALL + 100
    assert session.remaining(clock) == 3500


def test_setting_the_local_clock_changes_nothing_for_a_session() -> None:
    clock = FakeClock()
    session = read(an_answer(), clock)
    clock.skew = 86_400
    assert session.remaining(clock) == 3600


def test_a_session_ages_while_the_machine_is_suspended() -> None:
    clock = FakeClock()
    session = read(an_answer(), clock)
    clock.suspend(3000)
    assert session.remaining(clock) == 600


def test_the_time_an_answer_takes_on_its_way_is_off_the_session() -> None:
    clock = FakeClock()
    asked_at = clock.boot()
    clock.move(4)
    session = read_session(an_answer(), name="n", asked_at=asked_at, clock=clock)
    assert session.remaining(clock) == 3596


@pytest.mark.parametrize(
    "date",
    ["", "garbage", "Thu, 99 Foo 2026 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT", "\0"],
)
def test_a_garbled_date_leaves_the_local_clock(date: str) -> None:
    answer = an_answer()
    answer["ResponseMetadata"]["HTTPHeaders"]["date"] = date
    clock = FakeClock(skew=20)
    assert read(answer, clock).now(clock) == WALL + 20


@given(date=st.text())
def test_no_date_header_whatsoever_loses_a_session(date: str) -> None:
    answer = an_answer()
    answer["ResponseMetadata"]["HTTPHeaders"]["date"] = date
    assert read(answer).expires_at == WALL + 3600


@pytest.mark.parametrize("metadata", [{}, {"HTTPHeaders": {}}])
def test_without_a_date_the_local_clock_is_believed(metadata: dict[str, Any]) -> None:
    clock = FakeClock(skew=-5)
    session = read(an_answer() | {"ResponseMetadata": metadata}, clock)
    assert session.remaining(clock) == 3605


# Where they come from


@dataclass
class FakeSts:
    """Records each request, by the name of its call."""

    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def assume_role(self, **request: Any) -> dict[str, Any]:
        self.requests.append(("assume_role", request))
        return an_answer()

    async def assume_role_with_web_identity(self, **request: Any) -> dict[str, Any]:
        self.requests.append(("assume_role_with_web_identity", request))
        return an_answer()


async def test_a_role_is_assumed_under_the_owners_name_for_as_long_as_configured() -> None:
    sts = FakeSts()
    source = AssumedRole(sts, replace(ROLE, session_seconds=7200), FakeClock())
    session = await source.fetch(("a", "b"))
    request = {
        "RoleArn": ROLE.arn,
        "RoleSessionName": session_name(("a", "b")),
        "DurationSeconds": 7200,
    }
    assert sts.requests == [("assume_role", request)]
    assert session.name == session_name(("a", "b"))
    assert source.length == 7200


async def test_an_external_id_is_sent_where_there_is_one() -> None:
    sts = FakeSts()
    await AssumedRole(sts, replace(ROLE, external_id="acme-1"), FakeClock()).fetch(None)
    [(_, request)] = sts.requests
    assert request["ExternalId"] == "acme-1"


async def test_a_web_identity_token_is_read_anew_each_time(tmp_path: Path) -> None:
    sts, file = FakeSts(), tmp_path / "token"
    source = AssumedRole(sts, replace(ROLE, web_identity_token_file=file), FakeClock())
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        await source.fetch(None)
    assert [call for call, _ in sts.requests] == ["assume_role_with_web_identity"] * 2
    assert [request["WebIdentityToken"] for _, request in sts.requests] == ["first", "second"]


async def test_a_web_identity_carries_no_external_id(tmp_path: Path) -> None:
    sts, file = FakeSts(), tmp_path / "token"
    file.write_text("token")
    role = replace(ROLE, web_identity_token_file=file, external_id="acme-1")
    await AssumedRole(sts, role, FakeClock()).fetch(None)
    assert "ExternalId" not in sts.requests[0][1]


async def test_a_token_file_that_is_gone_fails_the_attempt_without_asking(tmp_path: Path) -> None:
    sts = FakeSts()
    role = replace(ROLE, web_identity_token_file=tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        await AssumedRole(sts, role, FakeClock()).fetch(None)
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
    """As aioboto3's session, of which one method is used."""

    keys: FakeKeys | None

    async def get_credentials(self) -> FakeKeys | None:
        return self.keys


async def test_static_keys_make_a_session_without_an_end_on_the_local_clock() -> None:
    clock = FakeClock(skew=7)
    session = await StaticKeys(FakeChain(FakeKeys()), clock).fetch(("a", "b"))
    assert session.credentials.access_key_id == "AKIAEXAMPLE"
    assert session.credentials.secret_access_key == SECRET
    assert session.credentials.session_token is None
    assert session.remaining(clock) == float("inf")
    assert session.now(clock) == WALL + 7


async def test_static_keys_with_a_token_are_refused_since_nobody_knows_when_they_end() -> None:
    with pytest.raises(SessionRefused, match="session token"):
        await StaticKeys(FakeChain(FakeKeys(token=TOKEN)), FakeClock()).fetch(None)


async def test_an_empty_chain_is_refused() -> None:
    with pytest.raises(SessionRefused, match="no credentials"):
        await StaticKeys(FakeChain(None), FakeClock()).fetch(None)


async def test_no_repr_of_a_session_shows_its_secret_or_token() -> None:
    session = await AssumedRole(FakeSts(), ROLE, FakeClock()).fetch(None)
    assert "ASIAEXAMPLE" in repr(session)
    assert SECRET not in repr(session)
    assert TOKEN not in repr(session)
