"""The one use case: who asks, may they, who signs, for how long; then the signature.

Rules of this file:
- No await stands between the grant and the answer. Where a session has yet to come, the decision is
  taken again after the wait, on the configuration that stands then.
- A caller who may not have an answer starts no session.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from service.access.grants import Caller, Demand, Denied, Limited, decide
from service.asks import Ask, FormAsk, form_demand, form_key, request_demand, signed_key
from service.errors import (
    CreateOnlyUnsupported,
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.lifetime import Given, Lifetime, LimitedBy, Never, limit
from service.sessions.pool import NO_SESSION, SessionKey, SessionPool, SigningSession
from service.sessions.session import Clock
from service.signing.forms import presign_form
from service.signing.requests import Action, PutObject
from service.snapshot import Bucket, Snapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedRequest:
    """`headers` are to be sent byte for byte; `expires_at` is in epoch seconds by the store's clock."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: int
    content_length: int | None = None
    limited_by: LimitedBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedForm:
    """`fields` are to be sent in this order, the file after them all."""

    url: str
    key: str
    fields: Mapping[str, str] = field(repr=False)
    expires_at: int
    limited_by: LimitedBy | None = None


@dataclass(frozen=True, slots=True)
class _Term:
    """When a signature begins and how long it holds."""

    now: int
    given: Given

    @property
    def expires_at(self) -> int:
        return self.now + self.given.expires_in


class Presigner:
    def __init__(
        self,
        snapshot: Snapshot,
        pool: SessionPool,
        *,
        clock: Clock,
        unique_id: Callable[[], str],
    ) -> None:
        """`unique_id` makes the part of a form's key that no other key has."""
        self.snapshot = snapshot
        self._pool = pool
        self._clock = clock
        self._unique_id = unique_id

    def can_sign(self) -> bool:
        """Whether at least one bucket has a session."""
        return any(self._pool.is_alive(bucket) for bucket in self.snapshot.buckets)

    async def presign(self, caller: Caller, ask: Ask) -> PresignedRequest:
        return await self._once_ready(caller, ask.bucket, lambda: self._presign(caller, ask))

    async def presign_form(self, caller: Caller, ask: FormAsk) -> PresignedForm:
        key = form_key(ask, self._unique_id)
        return await self._once_ready(
            caller, ask.bucket, lambda: self._presign_form(caller, ask, key)
        )

    async def presign_batch(
        self, caller: Caller, asks: Sequence[Ask | PresignError]
    ) -> list[PresignedRequest | PresignError]:
        """An answer to each, in order. What is wrong with one is told in its place."""
        answers = [self._outcome(caller, ask) for ask in asks]
        pending = {
            ask.bucket
            for ask, answer in zip(asks, answers, strict=True)
            if answer is None and isinstance(ask, Ask)
        }
        await asyncio.gather(*(self._wait(caller, bucket) for bucket in pending))
        if pending:
            answers = [self._outcome(caller, ask) for ask in asks]
        return [_unavailable() if answer is None else answer for answer in answers]

    async def _once_ready(self, caller: Caller, bucket: str, answer: Callable[[], T | None]) -> T:
        """The answer: at once while there is a session, else after the one shared attempt."""
        if (first := answer()) is not None:
            return first
        await self._pool.ready(_session_key(caller, bucket))
        if (second := answer()) is None:
            raise _unavailable()
        return second

    def _presign(self, caller: Caller, ask: Ask) -> PresignedRequest | None:
        """None where the session has yet to come."""
        key = signed_key(ask)
        bucket, longest = self._granted(caller, request_demand(ask))
        action = _as_configured(ask.action, bucket)
        if (signing := self._pool.current(_session_key(caller, ask.bucket))) is None:
            return None
        term = self._term(caller, ask.bucket, ask.lifetime, longest, signing)
        return PresignedRequest(
            method=action.METHOD,
            url=signing.signer.presign(action, key, now=term.now, expires_in=term.given.expires_in),
            headers=_headers_to_send(action),
            expires_at=term.expires_at,
            content_length=action.content_length if isinstance(action, PutObject) else None,
            limited_by=term.given.limited_by,
        )

    def _presign_form(self, caller: Caller, ask: FormAsk, key: str) -> PresignedForm | None:
        """As `_presign`."""
        bucket, longest = self._granted(caller, form_demand(ask, key))
        form = replace(ask.form, key=key, encryption=bucket.encryption)
        if (signing := self._pool.current(_session_key(caller, ask.bucket))) is None:
            return None
        term = self._term(caller, ask.bucket, ask.lifetime, longest, signing)
        fields = presign_form(
            signing.signer,
            form,
            bucket=bucket.s3_bucket,
            now=term.now,
            expires_in=term.given.expires_in,
        )
        return PresignedForm(
            url=f"{bucket.address.origin}{bucket.address.bucket_path}",
            key=key,
            fields=fields,
            expires_at=term.expires_at,
            limited_by=term.given.limited_by,
        )

    def _granted(self, caller: Caller, demand: Demand) -> tuple[Bucket, int | None]:
        """The bucket, and the longest lifetime that the caller may have in seconds."""
        match decide(self.snapshot.grants.get(caller, ()), demand):
            case Denied():
                raise Forbidden
            case Limited(pointer, detail, missing=True):
                raise InvalidRequest(detail, pointer=pointer)
            case Limited(pointer, detail):
                raise LimitExceeded(detail, pointer=pointer)
            case allowed:
                return self.snapshot.buckets[demand.bucket], allowed.max_expires_in

    def _term(
        self,
        caller: Caller,
        bucket: str,
        asked: Lifetime,
        longest: int | None,
        signing: SigningSession,
    ) -> _Term:
        now = int(signing.session.now(self._clock))
        lifetime = limit(
            asked,
            default=self.snapshot.default_expires_in,
            granted=longest,
            remaining=signing.session.expires_at - now,
            session_seconds=signing.session.length,
        )
        if isinstance(lifetime, Given):
            return _Term(now, lifetime)
        if isinstance(lifetime, Never):
            detail = (
                "Your grant does not allow it, or no session can be counted on to last so long."
            )
            raise LifetimeUnavailable(detail, pointer="#/min_expires_in")
        retry_after = self._pool.hasten(_session_key(caller, bucket))
        raise CredentialsUnavailable(
            "The session that signs has less than min_expires_in left.", retry_after=retry_after
        )

    def _outcome(
        self, caller: Caller, ask: Ask | PresignError
    ) -> PresignedRequest | PresignError | None:
        if isinstance(ask, PresignError):
            return ask
        try:
            return self._presign(caller, ask)
        except PresignError as error:
            return error

    async def _wait(self, caller: Caller, bucket: str) -> None:
        """For a bucket's session; where none comes, each item says so for itself."""
        try:
            await self._pool.ready(_session_key(caller, bucket))
        except CredentialsUnavailable:
            return


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


def _session_key(caller: Caller, bucket: str) -> SessionKey:
    return SessionKey(bucket, (caller.issuer, caller.subject))


def _unavailable() -> CredentialsUnavailable:
    return CredentialsUnavailable(NO_SESSION, retry_after=1)
