"""How long a signed request lives. Pure.

The one rule that no library keeps: a URL dies with the session that signed it, whatever its
`X-Amz-Expires` says, so it must not say more.
"""

from dataclasses import dataclass
from typing import Literal

from service.errors import InvalidRequest
from service.sessions.refresh import EXPIRY_MARGIN

_RETRY_SECONDS = 10  # how old a new session may be by the time that a caller asks again

LimitedBy = Literal["grant", "session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """Seconds that a caller asks for, and the fewest that will do."""

    expires_in: int | None = None
    min_expires_in: int | None = None

    def __post_init__(self) -> None:
        if self.expires_in and self.min_expires_in and self.min_expires_in > self.expires_in:
            detail = "The least lifetime is longer than the one asked for."
            raise InvalidRequest(detail, pointer="#/min_expires_in")


@dataclass(slots=True)
class Given:  # not frozen: see asks.py
    """`limited_by` is set where less than was asked for is given."""

    expires_in: int
    limited_by: LimitedBy | None


@dataclass(frozen=True, slots=True)
class NotNow:
    """The session has too little left; a fresh one would do."""


@dataclass(frozen=True, slots=True)
class Never:
    """Neither the grant nor a fresh session goes so far."""


def limit(
    asked: Lifetime,
    *,
    default: int,
    granted: int | None,
    remaining: float,
    session_seconds: float,
) -> Given | NotNow | Never:
    """`granted` is the grant's maximum, `remaining` what the session has left, both in seconds.

    `session_seconds` is how long a session lives when it is new.
    """
    least = asked.min_expires_in or 1
    wanted = asked.expires_in or max(least, int(_smaller(granted, default)))
    allowed = int(_smaller(granted, wanted))
    lasting = int(_smaller(allowed, remaining - EXPIRY_MARGIN))
    if lasting >= least:
        return Given(lasting, _limited_by(wanted, allowed, lasting))
    attainable = _smaller(granted, session_seconds - EXPIRY_MARGIN - _RETRY_SECONDS)
    return Never() if least > attainable else NotNow()


def _limited_by(wanted: int, allowed: int, lasting: int) -> LimitedBy | None:
    if lasting < allowed:
        return "session"
    return "grant" if allowed < wanted else None


def _smaller(limit: int | None, other: float) -> float:
    return other if limit is None else min(limit, other)
