"""Lifetimes with `stable_for`: window plus requested lifetime, within the grant and the session."""

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
    ShortLifetime,
    grant_stable_lifetime,
)
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.sessions.url_windows import Window
from tests.sessions.test_lifetime import lifetimes, limits

WEEK = 604_800
DAY = 86_400
BEGIN = 1_767_225_600
Granted = GrantedLifetime
Outcome = GrantedLifetime | ShortLifetime | LifetimeUnattainable


def grant(
    expires_in: int | None = None,
    shortest: int | None = None,
    *,
    window: int = 600,
    remaining: float = 3600.0,
    **changes: Any,
) -> Outcome:
    """`remaining` is left of a session of an hour as the window starts. The default is 900 s."""
    lifetime = Lifetime(expires_in=expires_in, min_expires_in=shortest, stable_for=window)
    values = {"default": 900, "granted": None, "session_seconds": 3600.0, **changes}
    ends_at = BEGIN + remaining
    return grant_stable_lifetime(lifetime, Window(BEGIN, window), ends_at=ends_at, **values)


def short(expires_in: int) -> ShortLifetime:
    return ShortLifetime(GrantedLifetime(expires_in, "session"))


KEYS: dict[str, Any] = {"window": DAY, "remaining": math.inf, "session_seconds": math.inf}
NOTHING, NEVER = ShortLifetime(None), LifetimeUnattainable()
OUTCOMES: dict[str, tuple[Outcome, Outcome]] = {
    "window and default": (grant(), Granted(1500, None)),
    "window and requested lifetime": (grant(60), Granted(660, None)),
    "no more than granted": (grant(granted=1000), Granted(1000, None)),
    "cut by the grant": (grant(900, granted=1000), Granted(1000, "grant")),
    "just more than the window": (grant(granted=601), Granted(601, None)),
    "a window as long as the grant": (grant(granted=600), NEVER),
    "a window longer than the grant": (grant(granted=60), NEVER),
    "all that is granted": (grant(None, 400, granted=1000), Granted(1000, None)),
    "more than is granted": (grant(None, 401, granted=1000), NEVER),
    "until the session ends": (grant(3000), Granted(3595, "session")),
    "the session just lasts": (grant(900, remaining=1505), Granted(1500, None)),
    "the session just does not last": (grant(900, remaining=1504), short(1499)),
    "a second left": (grant(900, remaining=606), short(601)),
    "nothing left": (grant(900, remaining=605), NOTHING),
    "less than the minimum": (grant(900, 900, remaining=1504), NOTHING),
    "the longest, not due yet": (grant(WEEK - 600, remaining=2400), Granted(2395, "session")),
    "the longest, due": (grant(WEEK - 600, remaining=2399), short(2394)),
    "the longest minimum": (grant(None, 2955), Granted(3555, None)),
    "beyond the longest minimum": (grant(None, 2956), NEVER),
    "the longest window": (grant(window=3554), Granted(3595, "session")),
    "a window longer than the session": (grant(window=3555), NEVER),
    "a day, however late": (grant(window=DAY, remaining=DAY + 3000), NEVER),
    "a day with static keys": (grant(**KEYS), Granted(DAY + 900, None)),
    "a week in total": (grant(WEEK - DAY, granted=WEEK, **KEYS), Granted(WEEK, None)),
    "a default of a week": (grant(default=WEEK, **KEYS), Granted(WEEK, None)),
}


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_granted_stable_lifetimes(outcome: Outcome, expected: Outcome) -> None:
    assert outcome == expected


@pytest.mark.parametrize(
    "lifetime", [{"expires_in": WEEK - 599}, {"min_expires_in": WEEK - 599}], ids=str
)
def test_more_than_a_week_in_total_is_refused(lifetime: dict[str, int]) -> None:
    """X-Amz-Expires allows no more."""
    with pytest.raises(InvalidRequest) as refused:
        Lifetime(**lifetime, stable_for=600).check_signable()
    assert list(refused.value.pointers) == ["#/stable_for"]


stable_lifetimes = lifetimes(most=WEEK - DAY, longest_window=DAY)


@given(asked=stable_lifetimes, about=limits, begin=st.integers(0, 40_000))
def test_stable_urls_outlive_the_window_but_not_the_session(
    asked: Lifetime, about: dict[str, Any], begin: int
) -> None:
    assert asked.stable_for is not None
    ends_at = begin * asked.stable_for + about.pop("remaining")
    window = Window(begin * asked.stable_for, asked.stable_for)
    outcome = grant_stable_lifetime(asked, window, ends_at=ends_at, **about)
    result = outcome.lifetime if isinstance(outcome, ShortLifetime) else outcome
    if isinstance(result, GrantedLifetime):
        after = result.expires_in - window.seconds
        assert after >= (asked.min_expires_in or 1)
        assert window.begins_at + result.expires_in <= ends_at - EXPIRY_MARGIN
        assert result.expires_in <= min(about["granted"] or WEEK, WEEK)
        if asked.expires_in is not None:
            assert (result.limited_by is not None) is (after < asked.expires_in)


@given(asked=stable_lifetimes, about=limits, age=st.floats(-DAY, 30))
def test_sessions_about_as_old_as_the_window_are_not_short(
    asked: Lifetime, about: dict[str, Any], age: float
) -> None:
    """Otherwise the caller would wait for a refresh that does not happen."""
    assert asked.stable_for is not None
    del about["remaining"]
    window = Window(7 * asked.stable_for, asked.stable_for)
    ends_at = window.begins_at - age + about["session_seconds"]
    assert not isinstance(
        grant_stable_lifetime(asked, window, ends_at=ends_at, **about), ShortLifetime
    )


@given(asked=stable_lifetimes, about=limits)
def test_unattainable_does_not_depend_on_the_time_left(
    asked: Lifetime, about: dict[str, Any]
) -> None:
    assert asked.stable_for is not None
    remaining = about.pop("remaining")
    window = Window(0, asked.stable_for)
    one, other = (
        grant_stable_lifetime(asked, window, ends_at=at, **about)
        for at in (remaining, about["session_seconds"])
    )
    assert isinstance(one, LifetimeUnattainable) is isinstance(other, LifetimeUnattainable)
