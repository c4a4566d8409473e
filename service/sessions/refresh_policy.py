"""When to refresh a session. Pure: time and chance are arguments.

The rule: refresh as soon as what remains no longer covers the longest lifetime that we promise,
with a margin; but never before a third of the session has passed, for a promise close to the
session's own length would otherwise have us ask STS all the time. A good session is kept until it
truly dies: a failed attempt costs nothing but the next attempt, a little later.
"""

from dataclasses import dataclass
from typing import Final

EXPIRY_MARGIN: Final = 5  # seconds: no URL is promised to live into the last ones of its session
MIN_REFRESH_AGE: Final = (
    30.0  # seconds: a session younger than that is left alone, whoever wants more
)
REFRESH_MARGIN: Final = 60  # seconds: time to try again before a promise has to be cut short
JITTER: Final = 0.05  # of the threshold, so that replicas do not ask together
MAX_BACKOFF: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Keep:
    """The session is good; look again in `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refresh:
    """Ask STS now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The last attempt failed; the next is due in `seconds`."""

    seconds: float


Step = Keep | Refresh | Wait


def next_step(
    *,
    remaining: float | None,
    length: float,
    longest_lifetime: float,
    chance: float,
    backoff_left: float = 0.0,
    refresh_requested: bool = False,
) -> Step:
    """`remaining` is None where there is no session yet; `chance`, in [0, 1), is drawn once a session.

    `longest_lifetime` is the longest lifetime granted, `length` the session's own; all are seconds.
    """
    due = (
        remaining is None
        or refresh_requested
        or remaining <= threshold(length, longest_lifetime, chance)
    )
    if not due:
        assert remaining is not None
        return Keep(remaining - threshold(length, longest_lifetime, chance))
    return Wait(backoff_left) if backoff_left > 0 else Refresh()


def threshold(length: float, longest_lifetime: float, chance: float) -> float:
    """The seconds left at which a refresh is due."""
    return min(longest_lifetime + REFRESH_MARGIN, earliest_refresh_remaining(length)) * (
        1 + JITTER * chance
    )


def earliest_refresh_remaining(length: float) -> float:
    """The seconds left above which no promise alone is a reason to refresh."""
    return length * 2 / 3


def backoff(failures: int, chance: float) -> float:
    """Seconds until the next attempt: full jitter between 1 and a doubling cap.

    aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter
    """
    cap = min(MAX_BACKOFF, 2.0 ** min(failures, 10))
    return 1 + chance * (cap - 1)


def is_better(*, candidate_expires_at: float, current_expires_at: float | None, now: float) -> bool:
    """Whether an answer of STS may replace what we have: it lives, and no shorter."""
    lives = candidate_expires_at - now > EXPIRY_MARGIN + 1
    return lives and (current_expires_at is None or candidate_expires_at >= current_expires_at)
