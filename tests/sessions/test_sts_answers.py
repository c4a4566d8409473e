"""Which answers of STS are a session, and whose clock it lives by."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sessions.session import Session
from service.sessions.sts import SessionRefused, read_session
from tests.sessions.answers import an_answer
from tests.support.fakes import SECRET, TOKEN, WALL, FakeClock


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
    with pytest.raises(SessionRefused, match="when the session expires"):
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
    "date", ["", "garbage", "Thu, 99 Foo 2026 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT", "\0"]
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
