from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.sessions.refresh_policy import (
    MAX_BACKOFF,
    MOST_JITTER,
    REFRESH_MARGIN,
    backoff,
    is_better,
    threshold,
)

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

seconds = st.floats(0.1, 7 * DAY)
jitters = st.floats(0, 1, exclude_max=True)


def due_in(remaining: float, length: float, longest_lifetime: float, jitter: float) -> float:
    return max(0.0, remaining - threshold(length, longest_lifetime, jitter))


@pytest.mark.parametrize(
    ("length", "longest_lifetime", "jitter", "expected"),
    [
        pytest.param(3600, 900, 0, 960, id="the lifetime and its margin"),
        pytest.param(3600, 2340, 0, 2400, id="the longest lifetime that fits"),
        pytest.param(3600, 2341, 0, 2400, id="two thirds if the lifetime does not fit"),
        pytest.param(900, 900, 0, 600, id="two thirds of the shortest session"),
        pytest.param(3600, 900, 0.5, 984, id="jitter comes on top"),
        pytest.param(float("inf"), 900, 0, 960, id="keys that never expire"),
    ],
)
def test_the_threshold_of_a_refresh(
    length: float, longest_lifetime: float, jitter: float, expected: float
) -> None:
    assert threshold(length, longest_lifetime, jitter) == pytest.approx(expected)


@given(length=seconds, longest_lifetime=seconds, jitter=jitters)
def test_jitter_makes_refreshes_earlier_by_a_twentieth_at_most(
    length: float, longest_lifetime: float, jitter: float
) -> None:
    plain = threshold(length, longest_lifetime, 0)
    assert plain <= threshold(length, longest_lifetime, jitter) <= plain * (1 + MOST_JITTER)


@given(length=seconds, longest_lifetime=seconds, jitter=jitters)
def test_no_refresh_is_due_in_the_first_three_tenths(
    length: float, longest_lifetime: float, jitter: float
) -> None:
    assert threshold(length, longest_lifetime, jitter) <= length * 0.7 * (1 + 1e-9)


@given(remaining=seconds, length=seconds, longest_lifetime=seconds, jitter=jitters)
def test_a_refresh_is_due_before_the_session_expires(
    remaining: float, length: float, longest_lifetime: float, jitter: float
) -> None:
    wait = due_in(remaining, length, longest_lifetime, jitter)
    assert 0 <= wait < remaining


@given(remaining=seconds, length=seconds, longest_lifetime=seconds, jitter=jitters)
def test_until_its_refresh_a_session_covers_the_longest_lifetime(
    remaining: float, length: float, longest_lifetime: float, jitter: float
) -> None:
    assume(longest_lifetime + REFRESH_MARGIN <= length * 2 / 3)
    wait = due_in(remaining, length, longest_lifetime, jitter)
    if wait > 0:
        assert remaining - wait >= longest_lifetime + REFRESH_MARGIN - 1e-6
    else:
        assert remaining <= (longest_lifetime + REFRESH_MARGIN) * (1 + MOST_JITTER)


@given(draws=st.lists(jitters, min_size=60, max_size=60))
def test_hourly_sessions_take_some_fifty_refreshes_a_day(draws: list[float]) -> None:
    longest_lifetime, now, refreshes, remaining = 1800.0, 0.0, 0, 0.0
    while now < DAY:
        wait = due_in(remaining, HOUR, longest_lifetime, draws[refreshes])
        if wait > 0:
            now, remaining = now + wait, remaining - wait
            assert remaining >= longest_lifetime
        else:
            refreshes, remaining = refreshes + 1, HOUR
    assert 45 <= refreshes <= 55


@pytest.mark.parametrize(
    ("failures", "jitter", "expected"),
    [
        (1, 0, 1),
        (1, 0.5, 1.5),
        (2, 0.5, 2.5),
        (3, 0.5, 4.5),
        (5, 0.5, 16.5),
        (6, 0.5, 30.5),
        (7, 0.5, 30.5),
        (10_000, 0.5, 30.5),
        (10_000, 0, 1),
    ],
)
def test_backoff_after_failures(failures: int, jitter: float, expected: float) -> None:
    assert backoff(failures, jitter) == pytest.approx(expected)


@given(failures=st.integers(1, 1_000_000), jitter=jitters)
def test_backoff_is_between_a_second_and_a_minute(failures: int, jitter: float) -> None:
    assert 1 <= backoff(failures, jitter) <= MAX_BACKOFF


@given(failures=st.integers(1, 100), jitter=jitters)
def test_backoff_grows_with_failures(failures: int, jitter: float) -> None:
    assert backoff(failures, jitter) <= backoff(failures + 1, jitter)


@pytest.mark.parametrize(
    ("candidate", "current", "expected"),
    [
        pytest.param(3600, None, True, id="the first"),
        pytest.param(6.5, None, True, id="the first, if barely alive"),
        pytest.param(6, None, False, id="too short to sign anything"),
        pytest.param(0, None, False, id="ends now"),
        pytest.param(-1, None, False, id="has ended"),
        pytest.param(3600, 3599, True, id="lives longer"),
        pytest.param(3600, 3600, True, id="lives as long"),
        pytest.param(3600, 3601, False, id="lives shorter"),
        pytest.param(-1, -2, False, id="longer than an expired one, but expired"),
        pytest.param(float("inf"), 3600, True, id="never ends"),
    ],
)
def test_a_new_session_replaces_the_current_one(
    candidate: float, current: float | None, *, expected: bool
) -> None:
    now = 1_767_225_600.0
    ends = None if current is None else now + current
    assert (
        is_better(candidate_expires_at=now + candidate, current_expires_at=ends, now=now)
        is expected
    )
