import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.sessions.lifetime import (
    GrantedLifetime,
    Lifetime,
    LifetimeUnattainable,
    SessionTooShort,
    grant_lifetime,
)
from service.sessions.refresh_policy import EXPIRY_MARGIN

WEEK = 604_800
Outcome = GrantedLifetime | SessionTooShort | LifetimeUnattainable


def limited(expires_in: int | None = None, least: int | None = None, **changes: Any) -> Outcome:
    """A fresh session of an hour, a default of 900 seconds, and a grant without a limit."""
    about = {"default": 900, "granted": None, "remaining": 3600.0, "session_seconds": 3600.0}
    return grant_lifetime(Lifetime(expires_in=expires_in, min_expires_in=least), **about | changes)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(limited(), GrantedLifetime(900, None), id="the default"),
        pytest.param(
            limited(granted=60), GrantedLifetime(60, None), id="the grant's maximum, if it is less"
        ),
        pytest.param(
            limited(remaining=100), GrantedLifetime(95, "session"), id="the default, cut short"
        ),
        pytest.param(limited(1), GrantedLifetime(1, None), id="one second"),
        pytest.param(limited(60), GrantedLifetime(60, None), id="as asked"),
        pytest.param(
            limited(60, granted=60), GrantedLifetime(60, None), id="as asked, and just granted"
        ),
        pytest.param(limited(61, granted=60), GrantedLifetime(60, "grant"), id="cut by the grant"),
        pytest.param(limited(3595), GrantedLifetime(3595, None), id="to the end of the session"),
        pytest.param(limited(3596), GrantedLifetime(3595, "session"), id="cut by the session"),
        pytest.param(
            limited(99, remaining=104.9), GrantedLifetime(99, None), id="whole seconds remain"
        ),
        pytest.param(
            limited(100, remaining=104.9), GrantedLifetime(99, "session"), id="rounded down"
        ),
        pytest.param(
            limited(WEEK, granted=900, remaining=100),
            GrantedLifetime(95, "session"),
            id="cut by both",
        ),
        pytest.param(
            limited(WEEK, granted=95, remaining=100),
            GrantedLifetime(95, "grant"),
            id="cut by both alike",
        ),
        pytest.param(
            limited(WEEK, remaining=math.inf, session_seconds=math.inf),
            GrantedLifetime(WEEK, None),
            id="keys that never end",
        ),
        pytest.param(
            limited(None, 1000), GrantedLifetime(1000, None), id="more than the default, if need be"
        ),
        pytest.param(limited(None, 60), GrantedLifetime(900, None), id="no less than the default"),
        pytest.param(
            limited(900, 60, granted=70), GrantedLifetime(70, "grant"), id="enough by the grant"
        ),
        pytest.param(
            limited(900, 60, remaining=65), GrantedLifetime(60, "session"), id="just enough is left"
        ),
        pytest.param(limited(900, 60, remaining=64.9), SessionTooShort(), id="not enough is left"),
        pytest.param(
            limited(900, 61, granted=60), LifetimeUnattainable(), id="the grant gives less"
        ),
        pytest.param(
            limited(None, 61, granted=60),
            LifetimeUnattainable(),
            id="the grant gives less, none asked",
        ),
        pytest.param(limited(None, 3595), GrantedLifetime(3595, None), id="all that a session has"),
        pytest.param(limited(None, 3596), LifetimeUnattainable(), id="more than a session has"),
        pytest.param(
            limited(None, 3596, remaining=10),
            LifetimeUnattainable(),
            id="more than a session has, though it ends",
        ),
        pytest.param(limited(60, remaining=6), GrantedLifetime(1, "session"), id="the last second"),
        pytest.param(limited(60, remaining=5.9), SessionTooShort(), id="nothing is left"),
        pytest.param(limited(remaining=-10), SessionTooShort(), id="the session is dead"),
    ],
)
def test_granted_lifetimes(outcome: Outcome, expected: Outcome) -> None:
    assert outcome == expected


def test_min_expires_in_beyond_expires_in_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        Lifetime(expires_in=60, min_expires_in=61)
    assert list(refused.value.pointers) == ["#/min_expires_in"]


seconds = st.integers(1, WEEK)
limits = st.fixed_dictionaries(
    {
        "default": seconds,
        "granted": st.none() | seconds,
        "remaining": st.floats(-10, WEEK) | st.just(math.inf),
        "session_seconds": st.floats(10, WEEK) | st.just(math.inf),
    }
)


@st.composite
def lifetimes(draw: st.DrawFn) -> Lifetime:
    least, asked = draw(st.none() | seconds), draw(st.none() | seconds)
    if least and asked and least > asked:
        least, asked = asked, least
    return Lifetime(expires_in=asked, min_expires_in=least)


@given(asked=lifetimes(), about=limits)
def test_no_lifetime_exceeds_session_grant_or_request(
    asked: Lifetime, about: dict[str, Any]
) -> None:
    given_ = grant_lifetime(asked, **about)
    if isinstance(given_, GrantedLifetime):
        assert 1 <= given_.expires_in <= about["remaining"] - EXPIRY_MARGIN
        assert given_.expires_in <= (about["granted"] or math.inf)
        assert given_.expires_in <= (asked.expires_in or math.inf)
        assert given_.expires_in >= (asked.min_expires_in or 1)


@given(asked=lifetimes(), about=limits)
def test_limited_by_is_set_exactly_if_less_is_granted(
    asked: Lifetime, about: dict[str, Any]
) -> None:
    given_ = grant_lifetime(asked, **about)
    if isinstance(given_, GrantedLifetime) and asked.expires_in is not None:
        assert (given_.limited_by is not None) is (given_.expires_in < asked.expires_in)
    if isinstance(given_, GrantedLifetime) and given_.limited_by == "grant":
        assert given_.expires_in == about["granted"]
    if isinstance(given_, GrantedLifetime) and given_.limited_by == "session":
        assert given_.expires_in == math.floor(about["remaining"] - EXPIRY_MARGIN)


@given(asked=lifetimes(), about=limits)
def test_a_new_session_decides_between_too_short_and_unattainable(
    asked: Lifetime, about: dict[str, Any]
) -> None:
    new = grant_lifetime(asked, **about | {"remaining": about["session_seconds"] - 10})
    match grant_lifetime(asked, **about):
        case LifetimeUnattainable():
            assert isinstance(new, LifetimeUnattainable)
        case SessionTooShort():
            assert isinstance(new, GrantedLifetime)
        case GrantedLifetime():
            assert about["remaining"] - EXPIRY_MARGIN >= (asked.min_expires_in or 1)
