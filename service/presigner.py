"""The one use case: who asks, may they, who signs, for how long; then the signature.

Rules of this file:
- No await stands between the grant and the answer. Where a session has yet to come, the decision is
  taken again after the wait, on the configuration that stands then.
- A caller who may not have an answer starts no session.
- What was decided is written into the audit trail before anybody is answered.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from service.access.grants import Demand, Denied, Limited, decide
from service.answers import PresignedForm, PresignedRequest, Term
from service.asks import Ask, FormAsk, form_demand, form_key, request_demand, signed_key
from service.audit import Outcome, Requester
from service.errors import (
    CreateOnlyUnsupported,
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.lifetime import Given, Lifetime, Never, limit
from service.rate_limits import RateLimits
from service.sessions.entries import SessionKey, SigningSession
from service.sessions.pool import NO_SESSION, SessionPool
from service.sessions.session import Clock
from service.signing.forms import presign_form
from service.signing.requests import Action, PutObject
from service.snapshot import Access, Bucket, Snapshot
from service.trail import Trail

T = TypeVar("T", PresignedRequest, PresignedForm)


class Presigner:
    def __init__(
        self,
        snapshot: Snapshot,
        pool: SessionPool,
        *,
        clock: Clock,
        unique_id: Callable[[], str],
        trail: Trail,
        limits: RateLimits | None = None,
    ) -> None:
        """`unique_id` makes the part of a form's key that no other key has.

        Without `limits` no caller's rate is limited.
        """
        self.snapshot = snapshot
        self._pool = pool
        self._clock = clock
        self._unique_id = unique_id
        self._trail = trail
        self._limits = limits

    def can_sign(self) -> bool:
        """Whether at least one bucket has a session."""
        return any(self._pool.is_alive(bucket) for bucket in self.snapshot.buckets)

    async def presign(self, requester: Requester, ask: Ask) -> PresignedRequest:
        return await self._answer(requester, ask, ask.key, lambda: self._presign(requester, ask))

    async def presign_form(self, requester: Requester, ask: FormAsk) -> PresignedForm:
        key = await self._form_key(requester, ask)
        return await self._answer(
            requester, ask, key, lambda: self._presign_form(requester, ask, key)
        )

    async def presign_batch(
        self, requester: Requester, asks: Sequence[Ask | PresignError]
    ) -> list[PresignedRequest | PresignError]:
        """An answer to each, in order. What is wrong with one is told in its place."""
        await self._take(requester, asks)
        answers, waited = self._outcomes(requester, asks), set[SessionKey]()
        while pending := self._pending(requester, asks, answers) - waited:
            await asyncio.gather(*map(self._wait, pending))
            waited |= pending
            answers = self._outcomes(requester, asks)
        final = [_unavailable() if answer is None else answer for answer in answers]
        await self._record(
            requester,
            [
                (ask, ask.key, answer)
                for ask, answer in zip(asks, final, strict=True)
                if isinstance(ask, Ask)
            ],
        )
        return final

    async def _answer(
        self, requester: Requester, ask: Ask | FormAsk, key: str, sign: Callable[[], T | None]
    ) -> T:
        """The answer, or the refusal, once it stands in the audit trail."""
        try:
            await self._count(requester, 1)
            answer = await self._once_ready(requester, ask.bucket, sign)
        except PresignError as refusal:
            await self._record(requester, [(ask, key, refusal)])
            raise
        await self._record(requester, [(ask, key, answer)])
        return answer

    async def _once_ready(
        self, requester: Requester, bucket: str, sign: Callable[[], T | None]
    ) -> T:
        """What is signed: at once while there is a session, else after the one shared attempt.

        Where the configuration has changed meanwhile, another session may be the right one.
        """
        waited = set[SessionKey]()
        while (answer := sign()) is None:
            key = self._access(requester).session_keys[bucket]
            if key in waited:
                raise _unavailable()
            waited.add(key)
            try:
                await self._pool.ready(key)
            except CredentialsUnavailable:
                if self._access(requester).session_keys.get(bucket) == key:
                    raise
        return answer

    async def _take(self, requester: Requester, asks: Sequence[Ask | PresignError]) -> None:
        """As `_count`, for a batch: it passes whole, or is refused whole."""
        try:
            await self._count(requester, len(asks))
        except PresignError as refusal:
            await self._record(
                requester, [(ask, ask.key, refusal) for ask in asks if isinstance(ask, Ask)]
            )
            raise

    async def _count(self, requester: Requester, urls: int) -> None:
        rate = self._access(requester).rate
        if rate is not None and self._limits is not None:
            await self._limits.take(requester.identity.caller, rate, urls)

    def _presign(self, requester: Requester, ask: Ask) -> PresignedRequest | None:
        """None where the session has yet to come."""
        key = signed_key(ask)
        access = self._access(requester)
        bucket, longest = self._granted(access, request_demand(ask))
        action = _as_configured(ask.action, bucket)
        session_key = access.session_keys[ask.bucket]
        if (signing := self._pool.current(session_key)) is None:
            return None
        term = self._term(session_key, ask.lifetime, longest, signing)
        return PresignedRequest(
            method=action.METHOD,
            url=signing.signer.presign(
                action,
                key,
                now=term.now,
                expires_in=term.expires_in,
                tag=requester.request_id if bucket.tag_urls else None,
            ),
            headers=_headers_to_send(action),
            term=term,
            session=signing.session,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )

    def _presign_form(self, requester: Requester, ask: FormAsk, key: str) -> PresignedForm | None:
        """As `_presign`."""
        access = self._access(requester)
        bucket, longest = self._granted(access, form_demand(ask, key))
        form = replace(ask.form, key=key, encryption=bucket.encryption)
        session_key = access.session_keys[ask.bucket]
        if (signing := self._pool.current(session_key)) is None:
            return None
        term = self._term(session_key, ask.lifetime, longest, signing)
        fields = presign_form(
            signing.signer,
            form,
            bucket=bucket.s3_bucket,
            now=term.now,
            expires_in=term.expires_in,
        )
        return PresignedForm(
            url=f"{bucket.address.origin}{bucket.address.bucket_path}",
            key=key,
            fields=fields,
            term=term,
            session=signing.session,
        )

    async def _form_key(self, requester: Requester, ask: FormAsk) -> str:
        try:
            return form_key(ask, self._unique_id)
        except PresignError as refusal:
            await self._record(requester, [(ask, ask.key or ask.key_prefix or "", refusal)])
            raise

    def _access(self, requester: Requester) -> Access:
        return self.snapshot.access(requester.identity)

    def _granted(self, access: Access, demand: Demand) -> tuple[Bucket, int | None]:
        """The bucket, and the longest lifetime that the caller may have in seconds."""
        match decide(access.grants, demand):
            case Denied():
                raise Forbidden
            case Limited(pointer, detail, missing=True):
                raise InvalidRequest(detail, pointer=pointer)
            case Limited(pointer, detail):
                raise LimitExceeded(detail, pointer=pointer)
            case allowed:
                return self.snapshot.buckets[demand.bucket], allowed.max_expires_in

    def _term(
        self, session_key: SessionKey, asked: Lifetime, longest: int | None, signing: SigningSession
    ) -> Term:
        now = int(signing.session.now(self._clock))
        lifetime = limit(
            asked,
            default=self.snapshot.default_expires_in,
            granted=longest,
            remaining=signing.session.expires_at - now,
            session_seconds=signing.session.length,
        )
        if isinstance(lifetime, Given):
            return Term(now, lifetime)
        if isinstance(lifetime, Never):
            detail = (
                "Your grant does not allow it, or no session can be counted on to last so long."
            )
            raise LifetimeUnavailable(detail, pointer="#/min_expires_in")
        retry_after = self._pool.hasten(session_key)
        raise CredentialsUnavailable(
            "The session that signs has less than min_expires_in left.", retry_after=retry_after
        )

    def _outcomes(
        self, requester: Requester, asks: Sequence[Ask | PresignError]
    ) -> list[PresignedRequest | PresignError | None]:
        return [self._outcome(requester, ask) for ask in asks]

    def _outcome(
        self, requester: Requester, ask: Ask | PresignError
    ) -> PresignedRequest | PresignError | None:
        if isinstance(ask, PresignError):
            return ask
        try:
            return self._presign(requester, ask)
        except PresignError as error:
            return error

    def _pending(
        self,
        requester: Requester,
        asks: Sequence[Ask | PresignError],
        answers: Sequence[PresignedRequest | PresignError | None],
    ) -> set[SessionKey]:
        """The sessions that have yet to come."""
        return {
            self._access(requester).session_keys[ask.bucket]
            for ask, answer in zip(asks, answers, strict=True)
            if answer is None and isinstance(ask, Ask)
        }

    async def _wait(self, key: SessionKey) -> None:
        """For a session; where none comes, each item says so for itself."""
        with suppress(CredentialsUnavailable):
            await self._pool.ready(key)

    async def _record(self, requester: Requester, outcomes: Sequence[Outcome]) -> None:
        names = {name: bucket.s3_bucket for name, bucket in self.snapshot.buckets.items()}
        await self._trail.record(requester, outcomes, names)


def _as_configured(action: Action, bucket: Bucket) -> Action:
    """An upload as the bucket wants it: encrypted, and create-only where the store can do that."""
    if not isinstance(action, PutObject):
        return action
    if not bucket.conditional_writes and (action.if_match is not None or not action.overwrite):
        detail = "The store of this bucket has no conditional writes. Ask to overwrite."
        pointer = "#/overwrite" if action.if_match is None else "#/if_match"
        raise CreateOnlyUnsupported(detail, pointer=pointer)
    return action if bucket.encryption is None else replace(action, encryption=bucket.encryption)


def _headers_to_send(action: Action) -> dict[str, str]:
    """All that is signed but what an HTTP library sets itself, and may refuse to be told."""
    headers = action.headers()
    headers.pop("content-length", None)
    return headers


def _unavailable() -> CredentialsUnavailable:
    return CredentialsUnavailable(NO_SESSION, retry_after=1)
