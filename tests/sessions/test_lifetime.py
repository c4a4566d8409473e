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
Granted = GrantedLifetime
Outcome = GrantedLifetime | SessionTooShort | LifetimeUnattainable


def grant(expires_in: int | None = None, shortest: int | None = None, **changes: Any) -> Outcome:
    """By default: a new session of an hour, a default of 900 s, and a grant without a limit."""
    values = {"default": 900, "granted": None, "remaining": 3600.0, "session_seconds": 3600.0}
    lifetime = Lifetime(expires_in=expires_in, min_expires_in=shortest)
    return grant_lifetime(lifetime, **values | changes)


KEYS: dict[str, Any] = {"remaining": math.inf, "session_seconds": math.inf}
SHORT, NEVER = SessionTooShort(), LifetimeUnattainable()
OUTCOMES: dict[str, tuple[Outcome, Outcome]] = {
    "the default": (grant(), Granted(900, None)),
    "the grant's maximum if it is less": (grant(granted=60), Granted(60, None)),
    "the default, cut by the session": (grant(remaining=100), Granted(95, "session")),
    "one second": (grant(1), Granted(1, None)),
    "as requested": (grant(60), Granted(60, None)),
    "as requested, just granted": (grant(60, granted=60), Granted(60, None)),
    "cut by the grant": (grant(61, granted=60), Granted(60, "grant")),
    "until the session ends": (grant(3595), Granted(3595, None)),
    "cut by the session": (grant(3596), Granted(3595, "session")),
    "whole seconds remain": (grant(99, remaining=104.9), Granted(99, None)),
    "rounded down": (grant(100, remaining=104.9), Granted(99, "session")),
    "cut by both": (grant(WEEK, granted=900, remaining=100), Granted(95, "session")),
    "cut by both alike": (grant(WEEK, granted=95, remaining=100), Granted(95, "grant")),
    "static keys": (grant(WEEK, **KEYS), Granted(WEEK, None)),
    "more than the default": (grant(None, 1000), Granted(1000, None)),
    "no less than the default": (grant(None, 60), Granted(900, None)),
    "enough by the grant": (grant(900, 60, granted=70), Granted(70, "grant")),
    "just enough is left": (grant(900, 60, remaining=65), Granted(60, "session")),
    "not enough is left": (grant(900, 60, remaining=64.9), SHORT),
    "the grant gives less": (grant(900, 61, granted=60), NEVER),
    "the grant gives less than the minimum": (grant(None, 61, granted=60), NEVER),
    "all that a session has": (grant(None, 3595), Granted(3595, None)),
    "more than a session has": (grant(None, 3596), NEVER),
    "more than a session has, which ends": (grant(None, 3596, remaining=10), NEVER),
    "the last second": (grant(60, remaining=6), Granted(1, "session")),
    "nothing is left": (grant(60, remaining=5.9), SHORT),
    "the session has expired": (grant(remaining=-10), SHORT),
}


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES.values(), ids=OUTCOMES)
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
def lifetimes(draw: st.DrawFn, most: int = WEEK, longest_window: int = 0) -> Lifetime:
    either = st.none() | st.integers(1, most)
    shortest, asked = draw(either), draw(either)
    if shortest and asked and shortest > asked:
        shortest, asked = asked, shortest
    window = draw(st.integers(1, longest_window)) if longest_window else None
    return Lifetime(expires_in=asked, min_expires_in=shortest, stable_for=window)


@given(asked=lifetimes(), about=limits)
def test_no_lifetime_exceeds_session_grant_or_request(
    asked: Lifetime, about: dict[str, Any]
) -> None:
    result = grant_lifetime(asked, **about)
    if isinstance(result, GrantedLifetime):
        assert 1 <= result.expires_in <= about["remaining"] - EXPIRY_MARGIN
        assert result.expires_in <= (about["granted"] or math.inf)
        assert result.expires_in <= (asked.expires_in or math.inf)
        assert result.expires_in >= (asked.min_expires_in or 1)


@given(asked=lifetimes(), about=limits)
def test_limited_by_is_set_exactly_if_less_is_granted(
    asked: Lifetime, about: dict[str, Any]
) -> None:
    result = grant_lifetime(asked, **about)
    if isinstance(result, GrantedLifetime) and asked.expires_in is not None:
        assert (result.limited_by is not None) is (result.expires_in < asked.expires_in)
    if isinstance(result, GrantedLifetime) and result.limited_by == "grant":
        assert result.expires_in == about["granted"]
    if isinstance(result, GrantedLifetime) and result.limited_by == "session":
        assert result.expires_in == math.floor(about["remaining"] - EXPIRY_MARGIN)


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
