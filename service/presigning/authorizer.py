"""The steps before anything is signed or sent: rate limit, grant, session, lifetime, audit.

Rules of this file:
- There is no await between the grant's decision and the signature. If a session is not available
  yet, the decision is made again after the wait, with the configuration of that moment. A batch
  of a slow signer is signed in a thread, and again if the configuration has changed.
- A caller that is refused starts no session.
- The decision is in the audit trail before the answer is sent.
"""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from service.access.conditions import tag_name
from service.access.decisions import Allowed, Denied, decide
from service.access.grants import AccessRequest, Conditions
from service.access.limits import Limited
from service.clock import Clock
from service.concurrency.pending import Pending
from service.errors import (
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LimitExceeded,
    PresignError,
)
from service.presigning.answers import Answer, ObjectRequest, Request
from service.presigning.audit import Outcome
from service.presigning.audit_trail import AuditTrail
from service.presigning.bucket import Bucket
from service.presigning.caller_access import CallerAccess
from service.presigning.rate_limits import RateLimits
from service.presigning.requests import Requester, StoreRequest, UnreadRequest
from service.presigning.results import AuthorizedStoreAccess
from service.presigning.signing_terms import (
    NoSessionYet,
    SigningLimits,
    SigningTerms,
    SigningTermsFactory,
)
from service.presigning.snapshot import Snapshot
from service.presigning.url_signers import UrlSigner, UrlTerms
from service.sessions.lifetime import Lifetime, Validity
from service.sessions.pool import NO_SESSION, SessionPool
from service.sessions.pool_entry import SessionKey
from service.signing.validation import check_key, check_prefix

T = TypeVar("T", bound=Answer)
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class AuthorizedAccess(SigningLimits):
    """What the grants allow, and where. `conditions` are those of the grants that allow it."""

    bucket: Bucket
    conditions: Conditions | None


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
        self._terms_factory = SigningTermsFactory(pool, clock)
        self.audit_trail = audit_trail
        self._limits = limits

    def can_sign(self) -> bool:
        """Whether at least one bucket has a session."""
        return any(self._pool.is_alive(bucket) for bucket in self.snapshot.buckets)

    async def audited(
        self,
        requester: Requester,
        request: Request,
        key: str | Sequence[str],
        work: Callable[[], Awaitable[T]],
        *,
        without_waiting: Callable[[], T] | None = None,
        urls: int = 1,
    ) -> T:
        """Count `urls` against the caller's rate, do the work, and write the audit line.

        Each single call that signs passes here, so that no URL leaves without these steps. `key`
        may be all keys of the one request, or none if it is unread. `urls` are 0 if they were
        counted before. `work` is done only without `without_waiting`, or if that raises
        NoSessionYet. Returns the answer, or raises the refusal, once it is in the audit trail:
        RateLimited, Overloaded and what the two raise.
        """
        try:
            if urls and (counted := self.count(requester, urls)) is not None:
                await counted
            try:
                answer = None if without_waiting is None else without_waiting()
            except NoSessionYet:
                answer = None
            if answer is None:
                answer = await work()
        except PresignError as refusal:
            await self.record(requester, [(request, key, refusal)])
            raise
        outcomes, s3_buckets = [(request, key, answer)], self.snapshot.s3_buckets
        if (written := self.audit_trail.record(requester, outcomes, s3_buckets)) is not None:
            await written
        return answer

    async def audit_refusal_of(
        self, requester: Requester, route: str, work: Callable[[], Awaitable[V]]
    ) -> V:
        """Return what `work` returns: it reads a request whose key is not known yet.

        `route` is the template of its path. A refusal is in the audit trail before it is raised.
        """
        try:
            return await work()
        except PresignError as refusal:
            await self.record(requester, [(UnreadRequest(route), (), refusal)])
            raise

    def sign_and_audit(
        self,
        requester: Requester,
        request: ObjectRequest,
        key: str | Sequence[str],
        sign: Callable[[], T],
        *,
        urls: int = 1,
    ) -> Coroutine[Any, Any, T]:
        """Return what `sign` returns, as `audited` does.

        `sign` raises NoSessionYet while its session is not there; it is called again after the
        wait. Raises CredentialsUnavailable, and what else `audited` and `sign` raise.
        """
        wait = partial(self._await_session, sign)
        return self.audited(requester, request, key, wait, without_waiting=sign, urls=urls)

    def authorize(self, requester: Requester, access_request: AccessRequest) -> AuthorizedAccess:
        """Raises Forbidden, LimitExceeded or InvalidRequest if no grant allows it.

        A copy has another session: that of `copy_session`.
        """
        access = self.access(requester)
        match decide(access.grants, access_request):
            case Allowed() as allowed:
                if access_request.tag_names:
                    self._refuse_tags(access_request)
                return AuthorizedAccess(
                    max_expires_in=allowed.max_expires_in,
                    default_expires_in=self.snapshot.default_expires_in,
                    session_key=access.session_key(
                        access_request.bucket, access_request.operation, allowed.conditions
                    ),
                    bucket=self.snapshot.buckets[access_request.bucket],
                    conditions=allowed.conditions,
                )
            case Denied():
                raise Forbidden
            case Limited(pointer, detail, missing=True):
                raise InvalidRequest(detail, pointer=pointer)
            case Limited(pointer, detail):
                raise LimitExceeded(detail, pointer=pointer)

    def signing_terms(self, authorized: AuthorizedAccess, lifetime: Lifetime) -> SigningTerms:
        """As `SigningTermsFactory.make`."""
        return self._terms_factory.make(authorized, lifetime)

    def url_terms(
        self, signer: UrlSigner, authorized: AuthorizedAccess, lifetime: Lifetime
    ) -> UrlTerms:
        """As `UrlSigner.terms`."""
        return signer.terms(self._terms_factory, authorized, lifetime)

    def without_session(self, authorized: AuthorizedAccess, lifetime: Lifetime) -> Validity:
        """As `SigningTermsFactory.without_session`."""
        return self._terms_factory.without_session(authorized, lifetime)

    async def authorize_store_call(
        self,
        requester: Requester,
        request: StoreRequest,
        *,
        urls: int = 0,
        keys: Sequence[str] = (),
        is_counted: bool = False,
    ) -> AuthorizedStoreAccess:
        """Return what is needed to call the store for this request, and to sign `urls` URLs.

        If the request is for all keys under a prefix, `keys` are those to call the store for. Each
        call to the store counts as one URL against the caller's rate, unless with `is_counted` what
        it belongs to was counted. Raises what `sign_and_audit` raises.
        """
        return await self.sign_and_audit(
            requester,
            request,
            keys or request.key,
            partial(self._authorize_store_call, requester, request, urls),
            urls=0 if is_counted else max(1, urls, len(keys)),
        )

    async def access_to_look(
        self, requester: Requester, request: StoreRequest
    ) -> AuthorizedStoreAccess:
        """As `authorize_store_call`, for a look at the store that is a step of a larger request.

        It is not counted, and writes no line. The larger request does both.
        """
        sign = partial(self._authorize_store_call, requester, request, 0)
        return await self._await_session(sign)

    def access(self, requester: Requester) -> CallerAccess:
        return self.snapshot.access(requester.identity)

    def count(self, requester: Requester, urls: int) -> Pending:
        """Count against the caller's rate. Raises RateLimited; then none of them is counted."""
        rate, caller = self.access(requester).rate, requester.identity.caller
        if rate is None or self._limits is None or self._limits.try_take(caller, rate, urls):
            return None
        return self._limits.take(caller, rate, urls)

    async def session_errors(
        self, session_keys: Collection[SessionKey]
    ) -> Mapping[SessionKey, CredentialsUnavailable | None]:
        """As `SessionPool.errors`."""
        return await self._pool.errors(session_keys)

    async def record(self, requester: Requester, outcomes: Sequence[Outcome]) -> None:
        """Raises Overloaded if the audit trail cannot be written: then no answer may be sent."""
        written = self.audit_trail.record(requester, outcomes, self.snapshot.s3_buckets)
        if written is not None:
            await written

    def _refuse_tags(self, request: AccessRequest) -> None:
        """Raises LimitExceeded for a tag that some grant reads by: only a scanner may set it."""
        if not self.snapshot.tags_read_by.isdisjoint(map(tag_name, request.tag_names)):
            detail = "Objects are read by one of these tags, so nobody may upload with it."
            raise LimitExceeded(detail, pointer=request.tags_pointer)

    async def _await_session(self, sign: Callable[[], T]) -> T:
        """Return what `sign` returns, after the one shared attempt to get a session.

        If the configuration changes meanwhile, another session may be needed, and is waited for.
        """
        refusals: dict[SessionKey, CredentialsUnavailable | None] = {}
        while True:
            try:
                return sign()
            except NoSessionYet as missing:
                key = missing.key
            if key in refusals:
                raise refusals[key] or unavailable()
            refusals |= await self._pool.errors([key])

    def _authorize_store_call(
        self, requester: Requester, request: StoreRequest, urls: int
    ) -> AuthorizedStoreAccess:
        check = check_prefix if request.access_request.is_prefix else check_key
        check(request.key)
        authorized = self.authorize(requester, request.access_request)
        if request.create_only:
            authorized.bucket.refuse_create_only()
        signing_terms = self.signing_terms(authorized, request.lifetime)
        return AuthorizedStoreAccess(
            session=signing_terms.signing.session,
            signer=signing_terms.signing.signer,
            internal_signer=signing_terms.signing.internal_signer,
            validity=signing_terms.validity,
            encryption=authorized.bucket.encryption,
            tag=requester.request_id if authorized.bucket.tag_urls else None,
            urls=urls,
        )


def unavailable() -> CredentialsUnavailable:
    return CredentialsUnavailable(NO_SESSION, retry_after=1)
