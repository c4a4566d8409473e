"""How long a signed request lives. Pure.

A URL dies with the session that signed it, even if its `X-Amz-Expires` says more. No library takes
care of that; here `X-Amz-Expires` never says more.
"""

import math
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

_RETRY_SECONDS = 10  # the age that a new session may have when the caller tries again

LimitedBy = Literal["grant", "session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """The requested and the shortest useful lifetime, in seconds.

    With `stable_for` they count from the end of a window of that many seconds.
    """

    expires_in: int | None = None
    min_expires_in: int | None = None
    stable_for: int | None = None

    def __post_init__(self) -> None:
        if self.expires_in and self.min_expires_in and self.min_expires_in > self.expires_in:
            detail = "min_expires_in must not be longer than expires_in."
            raise InvalidRequest(detail, pointer="#/min_expires_in")

    def check_signable(self) -> None:
        """Raises InvalidRequest for more than SigV4 can sign."""
        shortest = self.expires_in or self.min_expires_in or 1
        if shortest > MAX_EXPIRES_IN:
            field = "min_expires_in" if self.expires_in is None else "expires_in"
            detail = f"Must be at most 7 days ({MAX_EXPIRES_IN:,} seconds)."
            raise InvalidRequest(detail, pointer=f"#/{field}")
        if self.stable_for is not None and shortest + self.stable_for > MAX_EXPIRES_IN:
            detail = f"stable_for and the lifetime must not exceed {MAX_EXPIRES_IN} s together."
            raise InvalidRequest(detail, pointer="#/stable_for")


@dataclass(slots=True)
class GrantedLifetime:  # not frozen: see presigning/requests.py
    """`limited_by` is set if this is less than requested."""

    expires_in: int
    limited_by: LimitedBy | None


@dataclass(slots=True)
class Validity:
    """When a signature starts, in epoch seconds by the store's clock, and how long it is valid.

    `url_id` is in the URL in place of the request's id if several requests get the same URL.
    """

    now: int
    lifetime: GrantedLifetime
    url_id: str | None = None

    @property
    def expires_in(self) -> int:
        return self.lifetime.expires_in

    @property
    def expires_at(self) -> int:
        return self.now + self.lifetime.expires_in

    @property
    def limited_by(self) -> LimitedBy | None:
        return self.lifetime.limited_by


@dataclass(frozen=True, slots=True)
class SessionTooShort:
    """The session ends too soon; a new one would last long enough."""


@dataclass(frozen=True, slots=True)
class LifetimeUnattainable:
    """Neither the grant nor a new session lasts that long."""


@dataclass(frozen=True, slots=True)
class ShortLifetime:
    """Less than a new session would give. None is nothing. The caller may request a refresh."""

    lifetime: GrantedLifetime | None


def grant_lifetime(
    asked: Lifetime, *, default: int, granted: int | None, remaining: float, session_seconds: float
) -> GrantedLifetime | SessionTooShort | LifetimeUnattainable:
    """Limit the requested lifetime by grant and session. All arguments are seconds.

    `granted` is the grant's maximum, `remaining` what the session has left, and `session_seconds`
    the length of a new session.
    """
    shortest = asked.min_expires_in or 1
    wanted = asked.expires_in or max(shortest, int(_smaller(granted, default)))
    allowed = int(_smaller(granted, wanted))
    lasting = int(min(allowed, remaining - EXPIRY_MARGIN))
    if lasting >= shortest:
        by_grant: LimitedBy | None = "grant" if allowed < wanted else None
        return GrantedLifetime(lasting, "session" if lasting < allowed else by_grant)
    attainable = _smaller(granted, session_seconds - EXPIRY_MARGIN - _RETRY_SECONDS)
    return LifetimeUnattainable() if shortest > attainable else SessionTooShort()


def grant_delivery(
    asked: Lifetime, *, now: float, default: int, granted: int | None
) -> Validity | None:
    """Return the validity of what belongs to no session. None if the grant allows too little.

    `now` is in epoch seconds. With `stable_for` it starts with the window, as in
    `grant_stable_lifetime`.
    """
    window = Window.at(now, asked.stable_for or 1)
    after_window = 0 if asked.stable_for is None else window.seconds
    lifetime = grant_lifetime(
        asked,
        default=default,
        granted=None if granted is None else granted - after_window,
        remaining=math.inf,
        session_seconds=math.inf,
    )
    if not isinstance(lifetime, GrantedLifetime):
        return None
    whole = replace(lifetime, expires_in=after_window + lifetime.expires_in)
    return Validity(window.begins_at, whole)


def grant_stable_lifetime(
    asked: Lifetime,
    window: Window,
    *,
    default: int,
    granted: int | None,
    ends_at: float,
    session_seconds: float,
) -> GrantedLifetime | ShortLifetime | LifetimeUnattainable:
    """Limit the lifetime of a URL that starts with the window. `ends_at` is when the session ends.

    X-Amz-Expires = window + requested lifetime, so that the last caller in the window still gets
    the full lifetime. It is capped by `granted`, so that the first caller never exceeds the grant.
    The moment within the window does not matter: equal requests get equal answers.
    """
    longest = MAX_EXPIRES_IN if granted is None else min(granted, MAX_EXPIRES_IN)
    # What a session that starts with the window has left at its end
    after_window = session_seconds - window.seconds
    from_window_end = partial(
        grant_lifetime,
        asked,
        default=default,
        granted=longest - window.seconds,
        session_seconds=after_window,
    )
    # Sessions younger than MIN_REFRESH_AGE are not replaced, so they must last long enough.
    fresh = from_window_end(remaining=after_window - MIN_REFRESH_AGE - _RETRY_SECONDS)
    if not isinstance(fresh, GrantedLifetime):
        return LifetimeUnattainable()
    current = from_window_end(remaining=ends_at - window.ends_at)
    if not isinstance(current, GrantedLifetime):
        return ShortLifetime(None)
    whole = replace(current, expires_in=window.seconds + current.expires_in)
    # A request for the longest lifetime must not cause a refresh in each window.
    due = earliest_refresh_remaining(session_seconds) - window.seconds - EXPIRY_MARGIN
    return ShortLifetime(whole) if current.expires_in < min(fresh.expires_in, due) else whole


def _smaller(limit: int | None, other: float) -> float:
    return other if limit is None else min(limit, other)
