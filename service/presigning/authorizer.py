"""The steps before anything is signed or sent: rate limit, grant, session, lifetime, audit.

Rules of this file:
- There is no await between the grant's decision and the signature. If a session is not available
  yet, the decision is made again after the wait, with the configuration of that moment.
- A caller that is refused starts no session.
- The decision is in the audit trail before the answer is sent.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

from service.access.grants import AccessRequest, Denied, Limited, decide
from service.clock import Clock
from service.errors import (
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.presigning.audit import Outcome, RefusedBatch, Requester
from service.presigning.audit_decision import Answer
from service.presigning.audit_trail import AuditTrail
from service.presigning.rate_limits import RateLimits
from service.presigning.requests import AnyRequest, StoreRequest
from service.presigning.snapshot import Bucket, CallerAccess, Snapshot
from service.s3.access import StoreAccess
from service.sessions.lifetime import (
    GrantedLifetime,
    Lifetime,
    LifetimeUnattainable,
    SessionTooShort,
    ShortLifetime,
    Validity,
    grant_lifetime,
    grant_stable_lifetime,
)
from service.sessions.pool import NO_SESSION, SessionPool
from service.sessions.pool_entry import SessionKey, SigningSession
from service.sessions.url_windows import Window
from service.signing.validation import check_key, check_prefix

T = TypeVar("T", bound=Answer)


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


class Authorizer:
    def __init__(
        self,
        snapshot: Snapshot,
        pool: SessionPool,
        *,
        clock: Clock,
        audit_trail: AuditTrail,
        limits: RateLimits | None = None,
    ) -> None:
        """Without `limits` there are no rate limits."""
        self.snapshot = snapshot
        self._pool = pool
        self._clock = clock
        self.audit_trail = audit_trail
        self._limits = limits

    def can_sign(self) -> bool:
        """Whether at least one bucket has a session."""
        return any(self._pool.is_alive(bucket) for bucket in self.snapshot.buckets)

    async def sign_and_audit(
        self,
        requester: Requester,
        request: AnyRequest,
        key: str | Sequence[str],
        sign: Callable[[], T | None],
        *,
        urls: int = 1,
    ) -> T:
        """Return what `sign` returns, or raise its refusal, once it is in the audit trail.

        `key` may be all keys of the one request. `sign` returns None while no session is available.
        `urls` are counted against the caller's rate. Raises RateLimited, CredentialsUnavailable,
        Overloaded and what `sign` raises.
        """
        try:
            await self.count(requester, urls)
            if (answer := sign()) is None:
                answer = await self._await_session(requester, request.bucket, sign)
        except PresignError as refusal:
            await self.record(requester, [(request, key, refusal)])
            raise
        await self.record(requester, [(request, key, answer)])
        return answer

    def authorize(self, requester: Requester, access_request: AccessRequest) -> AuthorizedAccess:
        """Raises Forbidden, LimitExceeded or InvalidRequest if no grant allows it."""
        access = self.access(requester)
        match decide(access.grants, access_request):
            case Denied():
                raise Forbidden
            case Limited(pointer, detail, missing=True):
                raise InvalidRequest(detail, pointer=pointer)
            case Limited(pointer, detail):
                raise LimitExceeded(detail, pointer=pointer)
            case allowed:
                return AuthorizedAccess(
                    self.snapshot.buckets[access_request.bucket],
                    allowed.max_expires_in,
                    access.session_keys[access_request.bucket],
                )

    def signing_grant(self, granted: AuthorizedAccess, lifetime: Lifetime) -> SigningGrant | None:
        """Return None while no session is available.

        Raises LifetimeUnavailable or CredentialsUnavailable if the minimum lifetime cannot be met.
        """
        if lifetime.stable_for is not None:
            return self._stable_signing_grant(granted, lifetime, lifetime.stable_for)
        if (signing := self._pool.current(granted.session_key)) is None:
            return None
        validity = self._validity(granted, lifetime, signing)
        return SigningGrant(granted.bucket, granted.session_key, signing, validity)

    def is_current(self, signing_grant: SigningGrant) -> bool:
        """Whether this grant would be made again now: by the same session, in the same second."""
        found = self._pool.current_at(signing_grant.session_key)
        if found is None:
            return False
        signing, now = found
        return signing is signing_grant.signing and int(now) == signing_grant.validity.now

    async def authorize_store_call(
        self,
        requester: Requester,
        request: StoreRequest,
        *,
        urls: int = 0,
        keys: Sequence[str] = (),
    ) -> StoreAccess:
        """Return what is needed to call the store for this request, and to sign `urls` URLs.

        If the request is for all keys under a prefix, `keys` are those to call the store for. Each
        call to the store counts as one URL against the caller's rate. Raises what `sign_and_audit`
        raises.
        """
        return await self.sign_and_audit(
            requester,
            request,
            keys or request.key,
            lambda: self._authorize_store_call(requester, request, urls),
            urls=max(1, urls, len(keys)),
        )

    def access(self, requester: Requester) -> CallerAccess:
        return self.snapshot.access(requester.identity)

    async def count(self, requester: Requester, urls: int) -> None:
        """Count against the caller's rate. Raises RateLimited; then none of them is counted."""
        rate, caller = self.access(requester).rate, requester.identity.caller
        if rate is None or self._limits is None or self._limits.try_take(caller, rate, urls):
            return
        await self._limits.take(caller, rate, urls)

    async def wait(self, session_key: SessionKey) -> None:
        """Wait for a session. If none comes, the caller that needs it gets the error."""
        with suppress(CredentialsUnavailable):
            await self._pool.ready(session_key)

    async def record(self, requester: Requester, outcomes: Sequence[Outcome]) -> None:
        """Raises Overloaded if the audit trail cannot be written: then no answer may be sent."""
        await self.audit_trail.record(requester, outcomes, self.snapshot.s3_buckets)

    async def record_batch(
        self, requester: Requester, batch: RefusedBatch, refusal: PresignError
    ) -> None:
        await self.audit_trail.record_batch(requester, batch, refusal, self.snapshot.s3_buckets)

    async def _await_session(
        self, requester: Requester, bucket: str, sign: Callable[[], T | None]
    ) -> T:
        """Return what `sign` returns, after the one shared attempt to get a session.

        If the configuration changes meanwhile, another session may be needed, and is waited for.
        """
        waited = set[SessionKey]()
        while (answer := sign()) is None:
            key = self.access(requester).session_keys[bucket]
            if key in waited:
                raise unavailable()
            waited.add(key)
            try:
                await self._pool.ready(key)
            except CredentialsUnavailable:
                if self.access(requester).session_keys.get(bucket) == key:
                    raise
        return answer

    def _authorize_store_call(
        self, requester: Requester, request: StoreRequest, urls: int
    ) -> StoreAccess | None:
        check = check_prefix if request.access_request.subtree else check_key
        check(request.key)
        granted = self.authorize(requester, request.access_request)
        if request.creates_only:
            granted.bucket.refuse_create_only()
        if (signing_grant := self.signing_grant(granted, request.lifetime)) is None:
            return None
        return StoreAccess(
            session=signing_grant.signing.session,
            signer=signing_grant.signing.signer,
            internal_signer=signing_grant.signing.internal_signer,
            validity=signing_grant.validity,
            encryption=signing_grant.bucket.encryption,
            tag=requester.request_id if signing_grant.bucket.tag_urls else None,
            urls=urls,
        )

    def _stable_signing_grant(
        self, granted: AuthorizedAccess, requested: Lifetime, stable_for: int
    ) -> SigningGrant | None:
        """As `signing_grant`, for `stable_for`: one session signs all equal requests of a window.

        A window is `stable_for` seconds long. A session that is too short for it is refreshed
        first.
        """
        key, default = granted.session_key, self.snapshot.default_expires_in
        if (current_at := self._pool.current_at(key)) is None:
            return None
        current, now = current_at
        window = Window.at(now, stable_for)
        shape = (requested, default, granted.max_expires_in)
        signers = self._pool.windows(key)
        bound = signers.find(window, shape)
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
        self, granted: AuthorizedAccess, requested: Lifetime, signing: SigningSession
    ) -> Validity:
        now = int(signing.session.now(self._clock))
        lifetime = grant_lifetime(
            requested,
            default=self.snapshot.default_expires_in,
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


def unavailable() -> CredentialsUnavailable:
    return CredentialsUnavailable(NO_SESSION, retry_after=1)
