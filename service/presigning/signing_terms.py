"""The terms of a signature: which session signs, and how long the signature is valid."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.clock import Clock
from service.errors import CredentialsUnavailable, LifetimeUnavailable
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
from service.sessions.pool_entry import SessionKey, SigningSession
from service.sessions.session import Session
from service.sessions.url_windows import Window
from service.signing.signer import Signable, UrlContext

if TYPE_CHECKING:  # the commands read a configuration without what a running pool needs
    from service.sessions.pool import SessionPool


class NoSessionYet(Exception):
    """Nothing can be signed before the session `key` is there. Requests wait for it."""

    def __init__(self, key: SessionKey) -> None:
        super().__init__()
        self.key = key


@dataclass(slots=True, eq=False)
class SigningLimits:  # not frozen: see requests.py
    """What the grants and the server allow, in seconds. No `max_expires_in` means no limit."""

    max_expires_in: int | None
    default_expires_in: int
    session_key: SessionKey


@dataclass(slots=True, eq=False)
class SigningTerms:
    """Everything that a signature of SigV4 needs. It is a `UrlTerms`."""

    session_key: SessionKey
    signing: SigningSession
    validity: Validity
    pool: "SessionPool" = field(repr=False)
    is_stable: bool = False  # for a window

    @property
    def is_slow(self) -> bool:
        return self.signing.signer.is_slow

    @property
    def signed_by(self) -> Session:
        return self.signing.session

    def context(self, action: Signable, tag: str | None) -> UrlContext:
        signer, validity = self.signing.signer, self.validity
        if self.is_stable:
            signer, validity.url_id = self.signing.stable_signer, tag
        return signer.context(action, now=validity.now, expires_in=validity.expires_in, tag=tag)

    def is_current(self) -> bool:
        """Whether these terms would be the same now: by the same session, in the same second."""
        found = self.pool.current_at(self.session_key)
        if found is None:
            return False
        signing, now = found
        return signing is self.signing and int(now) == self.validity.now


class SigningTermsFactory:
    def __init__(self, pool: "SessionPool", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def make(self, limits: SigningLimits, lifetime: Lifetime) -> SigningTerms:
        """Return the session and the validity of a signature.

        Raises NoSessionYet, and LifetimeUnavailable or CredentialsUnavailable if the minimum cannot
        be met.
        """
        lifetime.check_signable()
        if lifetime.stable_for is not None:
            return self._make_stable(limits, lifetime, lifetime.stable_for)
        if (signing := self._pool.current(limits.session_key)) is None:
            raise NoSessionYet(limits.session_key)
        validity = self._validity(limits, lifetime, signing)
        return SigningTerms(limits.session_key, signing, validity, self._pool)

    def without_session(self, limits: SigningLimits, lifetime: Lifetime) -> Validity:
        """Return the validity of a signature by a key for which no session is needed.

        Raises LifetimeUnavailable if the grant does not allow the minimum.
        """
        now, default = self._pool.time(limits.session_key.bucket), limits.default_expires_in
        limit = limits.max_expires_in
        validity = grant_delivery(lifetime, now=now, default=default, granted=limit)
        if validity is None:
            field = "min_expires_in" if lifetime.stable_for is None else "stable_for"
            raise LifetimeUnavailable("Your grant does not allow it.", pointer=f"#/{field}")
        return validity

    def _make_stable(
        self, limits: SigningLimits, requested: Lifetime, stable_for: int
    ) -> SigningTerms:
        """As `make`, for `stable_for`: one session signs all equal requests of a window.

        A window is `stable_for` seconds long. A session that is too short for it is refreshed
        first.
        """
        key, default = limits.session_key, limits.default_expires_in
        if (current_at := self._pool.current_at(key)) is None:
            raise NoSessionYet(key)
        current, now = current_at
        window = Window.at(now, stable_for)
        shape = (requested, default, limits.max_expires_in)
        signers = self._pool.windows(key)
        bound = signers.find(window, shape)  # has signed an equal request in this window
        signing = bound or current
        found = grant_stable_lifetime(
            requested,
            window,
            default=default,
            granted=limits.max_expires_in,
            ends_at=signing.session.expires_at,
            session_seconds=signing.session.length,
        )
        lifetime: GrantedLifetime | SessionTooShort | LifetimeUnattainable
        if not isinstance(found, ShortLifetime):
            lifetime = found
        elif bound is None and self._pool.renew(key):
            raise NoSessionYet(key)  # a new session may give more
        else:
            lifetime = found.lifetime or SessionTooShort()
        validity = Validity(
            window.begins_at, self._granted_or_raise(limits, lifetime, "stable_for")
        )
        signers.bind(window, shape, signing)
        return SigningTerms(key, signing, validity, self._pool, is_stable=True)

    def _validity(
        self, limits: SigningLimits, requested: Lifetime, signing: SigningSession
    ) -> Validity:
        now = int(signing.session.now(self._clock))
        lifetime = grant_lifetime(
            requested,
            default=limits.default_expires_in,
            granted=limits.max_expires_in,
            remaining=signing.session.expires_at - now,
            session_seconds=signing.session.length,
        )
        return Validity(now, self._granted_or_raise(limits, lifetime, "min_expires_in"))

    def _granted_or_raise(
        self,
        limits: SigningLimits,
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
                retry_after = self._pool.request_refresh(limits.session_key)
                detail = f"The current session ends too soon for {field}."
                raise CredentialsUnavailable(detail, retry_after=retry_after)
