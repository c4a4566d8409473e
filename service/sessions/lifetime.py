"""How long a signed request lives. Pure.

The rule that no library keeps: a URL dies with the session that signed it, even if its `X-Amz-Expires`
says more. So it must not say more.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from service.errors import InvalidRequest
from service.sessions.refresh_policy import (
    EXPIRY_MARGIN,
    MIN_REFRESH_AGE,
    earliest_refresh_remaining,
)
from service.sessions.url_windows import Window
from service.signing.signer import MAX_EXPIRES_IN

_RETRY_SECONDS = 10  # how old a new session may be by the time that a caller asks again

LimitedBy = Literal["grant", "session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """Seconds that a caller asks for, and the fewest that will do.

    With `stable_for` they are counted from the end of a window of so many seconds.
    """

    expires_in: int | None = None
    min_expires_in: int | None = None
    stable_for: int | None = None

    def __post_init__(self) -> None:
        if self.expires_in and self.min_expires_in and self.min_expires_in > self.expires_in:
            detail = "The least lifetime is longer than the one asked for."
            raise InvalidRequest(detail, pointer="#/min_expires_in")
        least = self.expires_in or self.min_expires_in or 1
        if self.stable_for and self.stable_for + least > MAX_EXPIRES_IN:
            detail = f"The window and the lifetime are at most {MAX_EXPIRES_IN} seconds together."
            raise InvalidRequest(detail, pointer="#/stable_for")


@dataclass(slots=True)
class GrantedLifetime:  # not frozen: see presigning/requests.py
    """`limited_by` is set where less than was asked for is given."""

    expires_in: int
    limited_by: LimitedBy | None


@dataclass(slots=True)
class Validity:
    """When a signature begins, by the store's clock in epoch seconds, and how long it holds.

    `url_id` is what the URL says in place of the request's id, where it is not one request's alone.
    """

    now: int
    given: GrantedLifetime
    url_id: str | None = None

    @property
    def expires_in(self) -> int:
        return self.given.expires_in

    @property
    def expires_at(self) -> int:
        return self.now + self.given.expires_in

    @property
    def limited_by(self) -> LimitedBy | None:
        return self.given.limited_by


@dataclass(frozen=True, slots=True)
class SessionTooShort:
    """The session ends too soon; a new one would last long enough."""


@dataclass(frozen=True, slots=True)
class LifetimeUnattainable:
    """Neither the grant nor a new session lasts that long."""


def grant_lifetime(
    asked: Lifetime,
    *,
    default: int,
    granted: int | None,
    remaining: float,
    session_seconds: float,
) -> GrantedLifetime | SessionTooShort | LifetimeUnattainable:
    """`granted` is the grant's maximum, `remaining` what the session has left, both in seconds.

    `session_seconds` is how long a session lives when it is new.
    """
    least = asked.min_expires_in or 1
    wanted = asked.expires_in or max(least, int(_smaller(granted, default)))
    allowed = int(_smaller(granted, wanted))
    permanent = int(_smaller(allowed, remaining - EXPIRY_MARGIN))
    if permanent >= least:
        return GrantedLifetime(permanent, _limited_by(wanted, allowed, permanent))
    attainable = _smaller(granted, session_seconds - EXPIRY_MARGIN - _RETRY_SECONDS)
    return LifetimeUnattainable() if least > attainable else SessionTooShort()


@dataclass(frozen=True, slots=True)
class ShortLifetime:
    """Less than a new session would give, or nothing. The caller may request a refresh."""

    given: GrantedLifetime | None


def grant_stable_lifetime(
    asked: Lifetime,
    window: Window,
    *,
    default: int,
    granted: int | None,
    ends_at: float,
    session_seconds: float,
) -> GrantedLifetime | ShortLifetime | LifetimeUnattainable:
    """As `grant_lifetime`, for a URL that starts with the window. `ends_at` is when the session ends.

    X-Amz-Expires = window + requested lifetime, so that the last caller in the window still gets the full
    lifetime. It is capped by `granted`, so that the first caller never exceeds the grant. The result does
    not depend on the moment within the window: equal requests get equal answers.
    """
    most = MAX_EXPIRES_IN if granted is None else min(granted, MAX_EXPIRES_IN)
    # What a session that begins with the window has left at its end
    beyond = session_seconds - window.seconds
    within = partial(
        grant_lifetime,
        asked,
        default=default,
        granted=most - window.seconds,
        session_seconds=beyond,
    )
    # A session that is younger than HASTEN_PAUSE is not replaced, so it must be good enough
    fresh = within(remaining=beyond - MIN_REFRESH_AGE - _RETRY_SECONDS)
    if not isinstance(fresh, GrantedLifetime):
        return LifetimeUnattainable()
    given = within(remaining=ends_at - window.ends_at)
    if not isinstance(given, GrantedLifetime):
        return ShortLifetime(None)
    whole = replace(given, expires_in=window.seconds + given.expires_in)
    # Who asks for as long as can be had is not to have us ask STS once a window
    due = earliest_refresh_remaining(session_seconds) - window.seconds - EXPIRY_MARGIN
    return ShortLifetime(whole) if given.expires_in < min(fresh.expires_in, due) else whole


def _limited_by(wanted: int, allowed: int, permanent: int) -> LimitedBy | None:
    if permanent < allowed:
        return "session"
    return "grant" if allowed < wanted else None


def _smaller(limit: int | None, other: float) -> float:
    return other if limit is None else min(limit, other)
