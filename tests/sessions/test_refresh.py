from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.sessions.refresh_policy import (
    JITTER,
    MAX_BACKOFF,
    REFRESH_MARGIN,
    Keep,
    Refresh,
    Step,
    Wait,
    backoff,
    is_better,
    next_step,
    threshold,
)

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

seconds = st.floats(0.1, 7 * DAY)
chances = st.floats(0, 1, exclude_max=True)


def step(
    remaining: float | None,
    *,
    length: float = HOUR,
    longest_lifetime: float = 900,
    chance: float = 0,
    backoff_left: float = 0,
    refresh_requested: bool = False,
) -> Step:
    return next_step(
        remaining=remaining,
        length=length,
        longest_lifetime=longest_lifetime,
        chance=chance,
        backoff_left=backoff_left,
        refresh_requested=refresh_requested,
    )


@pytest.mark.parametrize(
    ("remaining", "more", "expected"),
    [
        pytest.param(None, {}, Refresh(), id="no session yet"),
        pytest.param(None, {"backoff_left": 7}, Wait(7), id="no session, the last attempt failed"),
        pytest.param(3600, {}, Keep(2640), id="fresh"),
        pytest.param(961, {}, Keep(1), id="a second before it is due"),
        pytest.param(960, {}, Refresh(), id="due"),
        pytest.param(960, {"backoff_left": 7}, Wait(7), id="due, the last attempt failed"),
        pytest.param(1, {}, Refresh(), id="nearly dead"),
        pytest.param(-1, {}, Refresh(), id="dead"),
        pytest.param(-1, {"backoff_left": 0.5}, Wait(0.5), id="dead, the last attempt failed"),
        pytest.param(961, {"backoff_left": 7}, Keep(1), id="good, whatever the last attempt did"),
        pytest.param(3600, {"refresh_requested": True}, Refresh(), id="hastened"),
        pytest.param(
            3600, {"refresh_requested": True, "backoff_left": 7}, Wait(7), id="hastened in backoff"
        ),
        pytest.param(
            3600, {"longest_lifetime": 7200}, Keep(1200), id="a promise beyond the session"
        ),
        pytest.param(1000, {"chance": 0.999}, Refresh(), id="due early by jitter"),
    ],
)
def test_the_next_step_is(remaining: float | None, more: dict[str, Any], expected: Step) -> None:
    assert step(remaining, **more) == expected


def test_nobody_hastens_and_nothing_has_failed_unless_it_is_said() -> None:
    assert next_step(remaining=3600, length=HOUR, longest_lifetime=900, chance=0) == Keep(2640)
    assert next_step(remaining=None, length=HOUR, longest_lifetime=900, chance=0) == Refresh()


@pytest.mark.parametrize(
    ("length", "longest_lifetime", "chance", "expected"),
    [
        pytest.param(3600, 900, 0, 960, id="the promise and its margin"),
        pytest.param(3600, 2340, 0, 2400, id="the longest promise that fits"),
        pytest.param(3600, 2341, 0, 2400, id="two thirds where the promise does not fit"),
        pytest.param(900, 900, 0, 600, id="two thirds of the shortest session"),
        pytest.param(3600, 900, 0.5, 984, id="jitter comes on top"),
        pytest.param(float("inf"), 900, 0, 960, id="keys that never end"),
    ],
)
def test_a_refresh_is_due_when_this_much_is_left(
    length: float, longest_lifetime: float, chance: float, expected: float
) -> None:
    assert threshold(length, longest_lifetime, chance) == pytest.approx(expected)


@given(length=seconds, longest_lifetime=seconds, chance=chances)
def test_jitter_only_ever_refreshes_earlier_and_by_a_twentieth_at_most(
    length: float, longest_lifetime: float, chance: float
) -> None:
    plain = threshold(length, longest_lifetime, 0)
    assert plain <= threshold(length, longest_lifetime, chance) <= plain * (1 + JITTER)


@given(length=seconds, longest_lifetime=seconds, chance=chances)
def test_no_session_is_due_before_three_tenths_of_it_have_passed(
    length: float, longest_lifetime: float, chance: float
) -> None:
    assert threshold(length, longest_lifetime, chance) <= length * 0.7 * (1 + 1e-9)


@given(
    remaining=seconds,
    length=seconds,
    longest_lifetime=seconds,
    chance=chances,
    backoff_left=seconds,
)
def test_what_is_kept_is_looked_at_again_while_it_is_alive(
    remaining: float, length: float, longest_lifetime: float, chance: float, backoff_left: float
) -> None:
    now = step(
        remaining,
        length=length,
        longest_lifetime=longest_lifetime,
        chance=chance,
        backoff_left=backoff_left,
    )
    if isinstance(now, Keep):
        assert 0 < now.seconds <= remaining


@given(
    remaining=st.none() | st.floats(-DAY, DAY),
    length=seconds,
    longest_lifetime=seconds,
    chance=chances,
    backoff_left=seconds,
    refresh_requested=st.booleans(),
)
def test_nothing_is_asked_of_sts_during_a_backoff(
    *,
    remaining: float | None,
    length: float,
    longest_lifetime: float,
    chance: float,
    backoff_left: float,
    refresh_requested: bool,
) -> None:
    now = step(
        remaining,
        length=length,
        longest_lifetime=longest_lifetime,
        chance=chance,
        backoff_left=backoff_left,
        refresh_requested=refresh_requested,
    )
    assert isinstance(now, Wait) or (isinstance(now, Keep) and not refresh_requested)


@given(remaining=seconds, length=seconds, longest_lifetime=seconds, chance=chances)
def test_a_promise_that_fits_is_covered_for_as_long_as_the_session_is_kept(
    remaining: float, length: float, longest_lifetime: float, chance: float
) -> None:
    assume(longest_lifetime + REFRESH_MARGIN <= length * 2 / 3)
    now = step(remaining, length=length, longest_lifetime=longest_lifetime, chance=chance)
    if isinstance(now, Keep):
        left_when_due = remaining - now.seconds
        assert left_when_due >= longest_lifetime + REFRESH_MARGIN - 1e-6
    else:
        assert remaining <= (longest_lifetime + REFRESH_MARGIN) * (1 + JITTER)


@given(draws=st.lists(chances, min_size=60, max_size=60))
def test_a_day_of_hourly_sessions_takes_few_fetches_and_breaks_no_promise(
    draws: list[float],
) -> None:
    longest_lifetime, now, fetches = 1800.0, 0.0, 0
    remaining: float | None = None
    while now < DAY:
        match step(remaining, longest_lifetime=longest_lifetime, chance=draws[fetches]):
            case Refresh():
                fetches += 1
                remaining = HOUR
            case Keep(pause):
                assert remaining is not None
                now, remaining = now + pause, remaining - pause
                assert remaining >= longest_lifetime
            case Wait():
                pytest.fail("no attempt has failed")
    assert 45 <= fetches <= 55


@pytest.mark.parametrize(
    ("failures", "chance", "expected"),
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
def test_the_pause_after_failures_is(failures: int, chance: float, expected: float) -> None:
    assert backoff(failures, chance) == pytest.approx(expected)


@given(failures=st.integers(1, 1_000_000), chance=chances)
def test_a_pause_is_between_a_second_and_a_minute(failures: int, chance: float) -> None:
    assert 1 <= backoff(failures, chance) <= MAX_BACKOFF


@given(failures=st.integers(1, 100), chance=chances)
def test_pauses_grow_with_failures(failures: int, chance: float) -> None:
    assert backoff(failures, chance) <= backoff(failures + 1, chance)


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
        pytest.param(-1, -2, False, id="longer than a dead one, but dead"),
        pytest.param(float("inf"), 3600, True, id="never ends"),
    ],
)
def test_an_answer_replaces_what_we_have(
    candidate: float, current: float | None, *, expected: bool
) -> None:
    now = 1_767_225_600.0
    ends = None if current is None else now + current
    assert (
        is_better(candidate_expires_at=now + candidate, current_expires_at=ends, now=now)
        is expected
    )
