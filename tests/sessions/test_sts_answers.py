"""Which responses of STS give a session, and whose clock counts."""

from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sessions.session import Session
from service.sessions.source import SessionRefused
from service.sessions.sts import read_session
from tests.sessions.answers import make_response
from tests.support.factories import SECRET, TOKEN
from tests.support.virtual_time import CLOCK_START, FakeClock


def read(answer: dict[str, Any], clock: FakeClock | None = None) -> Session:
    clock = clock or FakeClock()
    return read_session(answer, name="n", asked_at=clock.boot(), clock=clock)


def test_a_valid_response_gives_a_session() -> None:
    session = read(make_response())
    assert session.credentials.access_key_id == "ASIAEXAMPLE"
    assert session.credentials.secret_access_key == SECRET
    assert session.credentials.session_token == TOKEN
    assert session.name == "n"
    assert (session.starts_at, session.expires_at) == (CLOCK_START, CLOCK_START + 3600)
    assert session.length == 3600


@pytest.mark.parametrize(
    ("user", "role_id"),
    [
        ({"AssumedRoleId": "AROAEXAMPLE:n", "Arn": "arn"}, "AROAEXAMPLE"),
        ({"AssumedRoleId": ":n"}, None),
        ({"AssumedRoleId": 5}, None),
        ({}, None),
        ("AROAEXAMPLE:n", None),
        (None, None),
    ],
)
def test_a_session_knows_the_unique_id_of_its_role(user: object, role_id: str | None) -> None:
    assert read({**make_response(), "AssumedRoleUser": user}).role_id == role_id


PARTS: Final = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
INVALID: Final[list[object]] = [None, "", 5, [], {}]


@pytest.mark.parametrize(
    ("part", "value"),
    [*product(PARTS, INVALID), ("Expiration", "2026-01-01T01:00:00Z")],
)
def test_an_invalid_response_is_refused_without_showing_a_secret(part: str, value: object) -> None:
    with pytest.raises(SessionRefused) as refused:
        read(make_response({part: value}))
    assert SECRET not in repr(refused.value)
    assert TOKEN not in repr(refused.value)


@pytest.mark.parametrize("answer", [{}, {"Credentials": None}, {"Credentials": {}}])
def test_empty_responses_are_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(SessionRefused):
        read(answer)


def test_expired_sessions_have_negative_time_left() -> None:
    clock = FakeClock()
    assert read(make_response(seconds=-10), clock).remaining(clock) == -10


@pytest.mark.parametrize("skew", [0, 1000, -3000])
def test_a_wrong_local_clock_does_not_matter(skew: float) -> None:
    clock = FakeClock(skew=skew)
    session = read(make_response(), clock)
    clock.move(100)
    assert session.now(clock) == CLOCK_START + 100
    assert session.remaining(clock) == 3500


def test_a_session_ages_by_the_boot_clock_from_the_request_on() -> None:
    clock = FakeClock()
    asked_at = clock.boot()
    clock.move(4)
    session = read_session(make_response(), name="n", asked_at=asked_at, clock=clock)
    assert session.remaining(clock) == 3596
    clock.skew = 86_400
    assert session.remaining(clock) == 3596
    clock.suspend(3000)
    assert session.remaining(clock) == 596


@pytest.mark.parametrize(
    "metadata",
    [
        *({}, {"HTTPHeaders": {}}),
        *(
            {"HTTPHeaders": {"date": date}}
            for date in (
                *("", "garbage", "\0"),
                *("Thu, 99 Foo 2026 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT"),
                f"Thu, 01 Jan {'9' * 20} 00:00:00 GMT",
            )
        ),
    ],
)
def test_without_a_valid_date_the_local_clock_counts(metadata: dict[str, Any]) -> None:
    clock = FakeClock(skew=20)
    session = read(make_response() | {"ResponseMetadata": metadata}, clock)
    assert session.now(clock) == CLOCK_START + 20


@given(date=st.text())
def test_no_date_header_loses_a_session(date: str) -> None:
    answer = make_response()
    answer["ResponseMetadata"]["HTTPHeaders"]["date"] = date
    assert read(answer).expires_at == CLOCK_START + 3600
