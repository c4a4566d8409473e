"""The first use case: a request, a form or a batch of requests, signed for whoever may have it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import NamedTuple, NoReturn, overload

from service.access.grants import reach
from service.concurrency.event_loop import A_TURN, in_turns
from service.errors import PresignError
from service.presigning.audit import Outcome, RefusedBatch, Requester
from service.presigning.authorizer import Authority, unavailable
from service.presigning.requests import (
    Ask,
    Asks,
    FormAsk,
    form_demand,
    form_key,
    request_demand,
    signed_key,
)
from service.presigning.results import PresignedForm, PresignedRequest, PresignedRequests
from service.presigning.url_templates import Stamps
from service.sessions.pool_entry import SessionKey
from service.signing.actions import PutObject
from service.signing.post_policy import presign_form
from service.signing.signer import encode_key, paths_of
from service.signing.validation import are_plain


class Presigner:
    def __init__(self, authority: Authority, *, unique_id: Callable[[], str]) -> None:
        """`unique_id` makes the part of a form's key that no other key has."""
        self._authority = authority
        self._stamps = Stamps(authority)
        self._unique_id = unique_id

    async def presign(self, requester: Requester, ask: Ask) -> PresignedRequest:
        return await self._authority.answer(
            requester, ask, ask.key, lambda: self._presign(requester, ask)
        )

    async def presign_form(self, requester: Requester, ask: FormAsk) -> PresignedForm:
        key = ask.key or ask.key_prefix or ""
        sign: Callable[[], PresignedForm | None]
        try:
            key = form_key(ask, self._unique_id)
        except PresignError as error:
            sign = partial(_refuse, error)  # after it was counted against the caller's rate
        else:
            sign = partial(self._presign_form, requester, ask, key)
        return await self._authority.answer(requester, ask, key, sign)

    @overload
    async def presign_batch(
        self,
        requester: Requester,
        asks: Sequence[Ask | PresignError],
        aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> list[PresignedRequest | PresignError]: ...

    @overload
    async def presign_batch(
        self,
        requester: Requester,
        asks: Sequence[Asks | PresignError],
        aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> list[PresignedRequest | PresignedRequests | PresignError]: ...

    async def presign_batch(
        self,
        requester: Requester,
        asks: Sequence[Ask | Asks | PresignError],
        aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> Sequence[PresignedRequest | PresignedRequests | PresignError]:
        """An answer to each, in order. What is wrong with one is told in its place.

        Of `Asks`, keys next to each other for which the same is decided are answered together.
        `count_batch` comes before. Sessions are waited for within `aside()`.
        """
        parts, waited = await self._parts(requester, asks), set[SessionKey]()
        while pending := self._pending(requester, parts) - waited:
            async with aside():
                await asyncio.gather(*map(self._authority.wait, pending))
            waited |= pending
            parts = await self._parts(requester, asks)
        parts = [_Part(ask, keys, answer or unavailable()) for ask, keys, answer in parts]
        await self._authority.record(requester, _outcomes(parts))
        return [answer for part in parts for answer in part.told()]

    async def count_batch(
        self, requester: Requester, urls: int, describe: Callable[[], RefusedBatch]
    ) -> None:
        """Count a batch against the caller's rate: all of it, or nothing.

        Raises RateLimited once the refusal is in the trail, as `describe()` has it.
        """
        try:
            await self._authority.count(requester, urls)
        except PresignError as refusal:
            await self._authority.record_batch(requester, describe(), refusal)
            raise

    def _presign(self, requester: Requester, ask: Ask) -> PresignedRequest | None:
        """None where the session has yet to come."""
        key = signed_key(ask)
        if (stamp := self._stamps.find(requester, ask)) is None:
            return None
        action = stamp.action
        return PresignedRequest(
            method=action.METHOD,
            url=stamp.context.url(encode_key(key)),
            headers=stamp.headers,
            term=stamp.term,
            session=stamp.session,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )

    def _presign_alike(
        self, requester: Requester, asks: Asks, paths: Sequence[str]
    ) -> PresignedRequests | None:
        """As `_presign`, for keys of which all may be signed and for all of which the same is decided."""
        if (stamp := self._stamps.find(requester, asks.one)) is None:
            return None
        action = stamp.action
        return PresignedRequests(
            method=action.METHOD,
            urls=stamp.context.urls(paths),
            headers=stamp.headers,
            term=stamp.term,
            session=stamp.session,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )

    def _presign_form(self, requester: Requester, ask: FormAsk, key: str) -> PresignedForm | None:
        """As `_presign`."""
        granted = self._authority.granted(requester, form_demand(ask, key))
        form = replace(ask.form, key=key, encryption=granted.bucket.encryption)
        if (permit := self._authority.permit(granted, ask.lifetime)) is None:
            return None
        bucket, _, signing, term = permit
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

    async def _parts(
        self, requester: Requester, asks: Sequence[Ask | Asks | PresignError]
    ) -> "list[_Part]":
        """What each came to. Others get a turn in between: a batch may take many times as long as they.

        Where the configuration was replaced meanwhile, all is decided anew: what is answered was
        decided on the one that stands.
        """
        while True:
            snapshot, parts = self._authority.snapshot, list[_Part]()
            made = (part for ask in asks for part in self._parts_of(requester, ask))
            async for part in in_turns(made, weight=lambda part: len(part.keys)):
                parts.append(part)
            if self._authority.snapshot is snapshot:
                return parts

    def _parts_of(self, requester: Requester, ask: Ask | Asks | PresignError) -> "Iterator[_Part]":
        """One by one, since to halve what is not alike may take many times as long as to sign what is."""
        if isinstance(ask, Asks) and len(ask.keys) > 1:
            if (paths := self._alike(requester, ask)) is not None:
                sign = partial(self._presign_alike, requester, ask, paths)
                yield _attempt(ask.one, ask.keys, sign)
                return
            for half in ask.halves():
                yield from self._parts_of(requester, half)
        elif isinstance(ask, PresignError):
            yield _Part(None, [""], ask)
        else:
            one = ask.one if isinstance(ask, Asks) else ask
            yield _attempt(one, [one.key], partial(self._presign, requester, one))

    def _alike(self, requester: Requester, asks: Asks) -> Sequence[str] | None:
        """The keys' paths, if one decision holds for all: each grant covers all or none, and all may be signed."""
        if len(asks.keys) > A_TURN and not are_plain(asks.keys):  # long to encode
            return None
        reached = reach(self._authority.access(requester).grants, request_demand(asks.one))
        return paths_of(asks.keys) if reached is not None and reached.holds_all(asks.keys) else None

    def _pending(self, requester: Requester, parts: "Sequence[_Part]") -> set[SessionKey]:
        """The sessions that have yet to come."""
        return {
            self._authority.access(requester).session_keys[ask.bucket]
            for ask, _, answer in parts
            if answer is None and ask is not None
        }


class _Part(NamedTuple):
    """Of a batch, keys that came to the same; None where the session has yet to come.

    What was wrong before it could be asked has no `ask`, and is not audited.
    """

    ask: Ask | None
    keys: Sequence[str]
    answer: PresignedRequest | PresignedRequests | PresignError | None

    def told(self) -> "Sequence[PresignedRequest | PresignedRequests | PresignError]":
        assert self.answer is not None  # whoever waited knows by now
        return [self.answer] * (len(self.keys) if isinstance(self.answer, PresignError) else 1)


def _attempt(
    ask: Ask,
    keys: Sequence[str],
    sign: Callable[[], PresignedRequest | PresignedRequests | None],
) -> _Part:
    try:
        return _Part(ask, keys, sign())
    except PresignError as error:
        return _Part(ask, keys, error)


def _refuse(error: PresignError) -> NoReturn:
    raise error


def _outcomes(parts: Sequence[_Part]) -> list[Outcome]:
    return [
        (ask, keys, answer) for ask, keys, answer in parts if ask is not None and answer is not None
    ]
