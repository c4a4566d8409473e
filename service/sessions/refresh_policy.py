"""When to refresh a session. Pure: time and randomness are arguments.

The rule: refresh as soon as the time left no longer covers the longest granted lifetime and a
margin, but not before a third of the session has passed. Otherwise a lifetime close to the length
of the session would make us call STS all the time. A good session stays in use until it expires, so
a failed attempt only costs the next one, a little later.
"""

from typing import Final

EXPIRY_MARGIN: Final = 5  # seconds at the end of a session that no URL is promised to live into
MIN_REFRESH_AGE: Final = 30.0  # seconds: a younger session is never replaced
REFRESH_MARGIN: Final = 60  # seconds for further attempts before a lifetime has to be cut short
MOST_JITTER: Final = 0.05  # of the threshold, so that replicas do not refresh at the same time
MAX_BACKOFF: Final = 60.0  # seconds
# Credentials that a program gets: SDKs ask again when 15 minutes are left (botocore/credentials.py,
# `_advisory_refresh_timeout`). With less left, each of their requests would ask.
VENDED_REMAINING: Final = 960.0  # seconds
MIN_VENDED_SECONDS: Final = 1800  # how long such a session lasts at least


def threshold(length: float, longest_lifetime: float, jitter: float) -> float:
    """Return the seconds left at which a refresh is due.

    `length` is the session's own length and `longest_lifetime` the longest one granted, in seconds.
    `jitter` is a random number in [0, 1), drawn once per session.
    """
    covering = min(longest_lifetime + REFRESH_MARGIN, earliest_refresh_remaining(length))
    return covering * (1 + MOST_JITTER * jitter)


def earliest_refresh_remaining(length: float) -> float:
    """Return the seconds left above which no granted lifetime alone makes a refresh due."""
    return length * 2 / 3


def backoff(failures: int, jitter: float) -> float:
    """Return the seconds until the next attempt: full jitter between 1 and a doubling cap.

    aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter
    """
    cap = min(MAX_BACKOFF, 2.0 ** min(failures, 10))
    return 1 + jitter * (cap - 1)


def is_better(*, candidate_expires_at: float, current_expires_at: float | None, now: float) -> bool:
    """Return whether a new session may replace the current one: it is alive, and ends no sooner."""
    lives = candidate_expires_at - now > EXPIRY_MARGIN + 1
    return lives and (current_expires_at is None or candidate_expires_at >= current_expires_at)
