"""Signing grants: what the grants allow, with the session that signs and how long that is valid."""

from typing import NamedTuple

from service.clock import Clock
from service.errors import CredentialsUnavailable, LifetimeUnavailable
from service.presigning.snapshot import Bucket
from service.sessions.lifetime import (
    GrantedLifetime,
    Lifetime,
    LifetimeUnattainable,
    SessionTooShort,
    ShortLifetime,
    Validity,
    grant_delivery,
    grant_lifetime,
    grant_stable_lifetime,
)
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import SessionKey, SigningSession
from service.sessions.url_windows import Window


class AuthorizedAccess(NamedTuple):
    """What the grants allow. `max_expires_in` is in seconds; None is no limit."""

    bucket: Bucket
    max_expires_in: int | None
    session_key: SessionKey


class SigningGrant(NamedTuple):
    """Everything that a signature needs."""

    bucket: Bucket
    session_key: SessionKey
    signing: SigningSession
    validity: Validity


class SigningGrants:
    def __init__(self, pool: SessionPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def make(
        self, granted: AuthorizedAccess, lifetime: Lifetime, *, default: int
    ) -> SigningGrant | None:
        """As `Authorizer.signing_grant`. `default` is the lifetime, in seconds, without another."""
        lifetime.check_signable()
        if lifetime.stable_for is not None:
            return self._make_stable(granted, lifetime, lifetime.stable_for, default)
        if (signing := self._pool.current(granted.session_key)) is None:
            return None
        validity = self._validity(granted, lifetime, signing, default)
        return SigningGrant(granted.bucket, granted.session_key, signing, validity)

    def deliver(self, granted: AuthorizedAccess, lifetime: Lifetime, *, default: int) -> Validity:
        """As `Authorizer.delivered_validity`."""
        now = self._pool.time(granted.session_key.bucket)
        limit = granted.max_expires_in
        validity = grant_delivery(lifetime, now=now, default=default, granted=limit)
        if validity is None:
            field = "min_expires_in" if lifetime.stable_for is None else "stable_for"
            raise LifetimeUnavailable("Your grant does not allow it.", pointer=f"#/{field}")
        return validity

    def _make_stable(
        self, granted: AuthorizedAccess, requested: Lifetime, stable_for: int, default: int
    ) -> SigningGrant | None:
        """As `make`, for `stable_for`: one session signs all equal requests of a window.

        A window is `stable_for` seconds long. A session that is too short for it is refreshed
        first.
        """
        key = granted.session_key
        if (current_at := self._pool.current_at(key)) is None:
            return None
        current, now = current_at
        window = Window.at(now, stable_for)
        shape = (requested, default, granted.max_expires_in)
        signers = self._pool.windows(key)
        bound = signers.find(window, shape)  # has signed an equal request in this window
        signing = bound or current
        found = grant_stable_lifetime(
            requested,
            window,
            default=default,
            granted=granted.max_expires_in,
            ends_at=signing.session.expires_at,
            session_seconds=signing.session.length,
        )
        lifetime: GrantedLifetime | SessionTooShort | LifetimeUnattainable
        if not isinstance(found, ShortLifetime):
            lifetime = found
        elif bound is None and self._pool.renew(key):
            return None  # a new session may give more
        else:
            lifetime = found.lifetime or SessionTooShort()
        validity = Validity(
            window.begins_at, self._granted_or_raise(granted, lifetime, "stable_for")
        )
        signers.bind(window, shape, signing)
        return SigningGrant(granted.bucket, key, signing, validity)

    def _validity(
        self, granted: AuthorizedAccess, requested: Lifetime, signing: SigningSession, default: int
    ) -> Validity:
        now = int(signing.session.now(self._clock))
        lifetime = grant_lifetime(
            requested,
            default=default,
            granted=granted.max_expires_in,
            remaining=signing.session.expires_at - now,
            session_seconds=signing.session.length,
        )
        return Validity(now, self._granted_or_raise(granted, lifetime, "min_expires_in"))

    def _granted_or_raise(
        self,
        granted: AuthorizedAccess,
        lifetime: GrantedLifetime | SessionTooShort | LifetimeUnattainable,
        field: str,
    ) -> GrantedLifetime:
        """Return the lifetime, or raise the error for a minimum that cannot be met.

        `field` is where the request sets the minimum.
        """
        match lifetime:
            case GrantedLifetime():
                return lifetime
            case LifetimeUnattainable():
                detail = "Your grant does not allow it, or no session is sure to last that long."
                raise LifetimeUnavailable(detail, pointer=f"#/{field}")
            case SessionTooShort():
                retry_after = self._pool.request_refresh(granted.session_key)
                detail = f"The current session ends too soon for {field}."
                raise CredentialsUnavailable(detail, retry_after=retry_after)
