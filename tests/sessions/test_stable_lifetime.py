"""How long a URL of a window lives: what was asked for on top of the window, what is granted around it."""

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
from tests.sessions.test_lifetime import limits

WEEK = 604_800
DAY = 86_400
BEGIN = 1_767_225_600


def limited(
    expires_in: int | None = None,
    least: int | None = None,
    *,
    window: int = 600,
    remaining: float = 3600.0,
    **changes: Any,
) -> GrantedLifetime | ShortLifetime | LifetimeUnattainable:
    """A session of an hour with so much left as the window begins, a default of 900, no grant's limit."""
    asked = Lifetime(expires_in=expires_in, min_expires_in=least, stable_for=window)
    about = {"default": 900, "granted": None, "session_seconds": 3600.0, **changes}
    return grant_stable_lifetime(asked, Window(BEGIN, window), ends_at=BEGIN + remaining, **about)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(limited(), GrantedLifetime(1500, None), id="the window, and the default"),
        pytest.param(
            limited(60), GrantedLifetime(660, None), id="the window, and what was asked for"
        ),
        pytest.param(
            limited(granted=1000), GrantedLifetime(1000, None), id="no more than is granted"
        ),
        pytest.param(
            limited(900, granted=1000), GrantedLifetime(1000, "grant"), id="cut by the grant"
        ),
        pytest.param(
            limited(granted=601), GrantedLifetime(601, None), id="just more than the window"
        ),
        pytest.param(
            limited(granted=600), LifetimeUnattainable(), id="a window as long as the grant"
        ),
        pytest.param(limited(granted=60), LifetimeUnattainable(), id="a window beyond the grant"),
        pytest.param(
            limited(None, 400, granted=1000), GrantedLifetime(1000, None), id="all that is granted"
        ),
        pytest.param(
            limited(None, 401, granted=1000), LifetimeUnattainable(), id="more than is granted"
        ),
        pytest.param(
            limited(3000), GrantedLifetime(3595, "session"), id="to the end of the session"
        ),
        pytest.param(
            limited(900, remaining=1505), GrantedLifetime(1500, None), id="the session just lasts"
        ),
        pytest.param(
            limited(900, remaining=1504),
            ShortLifetime(GrantedLifetime(1499, "session")),
            id="it just does not",
        ),
        pytest.param(
            limited(900, remaining=606),
            ShortLifetime(GrantedLifetime(601, "session")),
            id="a second left",
        ),
        pytest.param(limited(900, remaining=605), ShortLifetime(None), id="nothing left"),
        pytest.param(
            limited(900, 900, remaining=1504), ShortLifetime(None), id="less than insisted on"
        ),
        pytest.param(
            limited(WEEK - 600, remaining=2400),
            GrantedLifetime(2395, "session"),
            id="as long as can be had, of a session that is not due",
        ),
        pytest.param(
            limited(WEEK - 600, remaining=2399),
            ShortLifetime(GrantedLifetime(2394, "session")),
            id="as long as can be had, of a session that is due",
        ),
        pytest.param(
            limited(None, 2955), GrantedLifetime(3555, None), id="all that can be counted on"
        ),
        pytest.param(limited(None, 2956), LifetimeUnattainable(), id="more than can be counted on"),
        pytest.param(
            limited(window=3554), GrantedLifetime(3595, "session"), id="the longest window"
        ),
        pytest.param(
            limited(window=3555), LifetimeUnattainable(), id="a window beyond the session"
        ),
        pytest.param(
            limited(window=DAY, remaining=DAY + 3000),
            LifetimeUnattainable(),
            id="a day, however late it is asked",
        ),
        pytest.param(
            limited(window=DAY, remaining=math.inf, session_seconds=math.inf),
            GrantedLifetime(DAY + 900, None),
            id="a day, of keys that never end",
        ),
        pytest.param(
            limited(
                WEEK - DAY, window=DAY, remaining=math.inf, session_seconds=math.inf, granted=WEEK
            ),
            GrantedLifetime(WEEK, None),
            id="a week in all",
        ),
        pytest.param(
            limited(window=DAY, remaining=math.inf, session_seconds=math.inf, default=WEEK),
            GrantedLifetime(WEEK, None),
            id="a default of a week, and no more than a week in all",
        ),
    ],
)
def test_granted_stable_lifetimes(outcome: object, expected: object) -> None:
    assert outcome == expected


@pytest.mark.parametrize(
    "lifetime", [{"expires_in": WEEK - 599}, {"min_expires_in": WEEK - 599}], ids=str
)
def test_more_than_a_week_in_total_is_refused(lifetime: dict[str, int]) -> None:
    """X-Amz-Expires cannot say it."""
    with pytest.raises(InvalidRequest) as refused:
        Lifetime(**lifetime, stable_for=600)
    assert list(refused.value.pointers) == ["#/stable_for"]


@st.composite
def lifetimes(draw: st.DrawFn) -> Lifetime:
    seconds = st.none() | st.integers(1, WEEK - DAY)
    least, asked = draw(seconds), draw(seconds)
    if least and asked and least > asked:
        least, asked = asked, least
    stable_for = draw(st.integers(1, DAY))
    return Lifetime(expires_in=asked, min_expires_in=least, stable_for=stable_for)


@given(asked=lifetimes(), about=limits, begin=st.integers(0, 40_000))
def test_stable_urls_outlive_the_window_but_not_the_session(
    asked: Lifetime, about: dict[str, Any], begin: int
) -> None:
    assert asked.stable_for is not None
    ends_at = begin * asked.stable_for + about.pop("remaining")
    window = Window(begin * asked.stable_for, asked.stable_for)
    outcome = grant_stable_lifetime(asked, window, ends_at=ends_at, **about)
    given_ = outcome.given if isinstance(outcome, ShortLifetime) else outcome
    if isinstance(given_, GrantedLifetime):
        after = given_.expires_in - window.seconds
        assert after >= (asked.min_expires_in or 1)
        assert window.begins_at + given_.expires_in <= ends_at - EXPIRY_MARGIN
        assert given_.expires_in <= min(about["granted"] or WEEK, WEEK)
        if asked.expires_in is not None:
            assert (given_.limited_by is not None) is (after < asked.expires_in)


@given(asked=lifetimes(), about=limits, age=st.floats(-DAY, 30))
def test_sessions_about_as_old_as_the_window_are_not_short(
    asked: Lifetime, about: dict[str, Any], age: float
) -> None:
    """Or who asks would be told to wait for what is not going to be asked for."""
    assert asked.stable_for is not None
    del about["remaining"]
    window = Window(7 * asked.stable_for, asked.stable_for)
    ends_at = window.begins_at - age + about["session_seconds"]
    assert not isinstance(
        grant_stable_lifetime(asked, window, ends_at=ends_at, **about), ShortLifetime
    )


@given(asked=lifetimes(), about=limits)
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
