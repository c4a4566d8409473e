"""The first use case: a request, a form or a batch of requests, signed for whoever may have it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from service.answers import PresignedForm, PresignedRequest, headers_to_send
from service.asks import Ask, FormAsk, form_demand, form_key, request_demand, signed_key
from service.audit import Requester
from service.authority import Authority, unavailable
from service.errors import PresignError
from service.sessions.entries import SessionKey
from service.signing.forms import presign_form
from service.signing.requests import Action, PutObject
from service.snapshot import Bucket


class Presigner:
    def __init__(self, authority: Authority, *, unique_id: Callable[[], str]) -> None:
        """`unique_id` makes the part of a form's key that no other key has."""
        self._authority = authority
        self._unique_id = unique_id

    async def presign(self, requester: Requester, ask: Ask) -> PresignedRequest:
        return await self._authority.answer(
            requester, ask, ask.key, lambda: self._presign(requester, ask)
        )

    async def presign_form(self, requester: Requester, ask: FormAsk) -> PresignedForm:
        key = await self._form_key(requester, ask)
        return await self._authority.answer(
            requester, ask, key, lambda: self._presign_form(requester, ask, key)
        )

    async def presign_batch(
        self, requester: Requester, asks: Sequence[Ask | PresignError]
    ) -> list[PresignedRequest | PresignError]:
        """An answer to each, in order. What is wrong with one is told in its place."""
        await self._take(requester, asks)
        answers, waited = self._outcomes(requester, asks), set[SessionKey]()
        while pending := self._pending(requester, asks, answers) - waited:
            await asyncio.gather(*map(self._authority.wait, pending))
            waited |= pending
            answers = self._outcomes(requester, asks)
        final = [unavailable() if answer is None else answer for answer in answers]
        await self._authority.record(
            requester,
            [
                (ask, ask.key, answer)
                for ask, answer in zip(asks, final, strict=True)
                if isinstance(ask, Ask)
            ],
        )
        return final

    async def _take(self, requester: Requester, asks: Sequence[Ask | PresignError]) -> None:
        """Count a batch against the caller's rate: it passes whole, or is refused whole."""
        try:
            await self._authority.count(requester, len(asks))
        except PresignError as refusal:
            await self._authority.record(
                requester, [(ask, ask.key, refusal) for ask in asks if isinstance(ask, Ask)]
            )
            raise

    def _presign(self, requester: Requester, ask: Ask) -> PresignedRequest | None:
        """None where the session has yet to come."""
        key = signed_key(ask)
        granted = self._authority.granted(requester, request_demand(ask))
        action = _as_configured(ask.action, granted.bucket)
        if (permit := self._authority.permit(granted, ask.lifetime)) is None:
            return None
        bucket, signing, term = permit
        return PresignedRequest(
            method=action.METHOD,
            url=signing.signer.presign(
                action,
                key,
                now=term.now,
                expires_in=term.expires_in,
                tag=requester.request_id if bucket.tag_urls else None,
            ),
            headers=headers_to_send(action),
            term=term,
            session=signing.session,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )

    def _presign_form(self, requester: Requester, ask: FormAsk, key: str) -> PresignedForm | None:
        """As `_presign`."""
        granted = self._authority.granted(requester, form_demand(ask, key))
        form = replace(ask.form, key=key, encryption=granted.bucket.encryption)
        if (permit := self._authority.permit(granted, ask.lifetime)) is None:
            return None
        bucket, signing, term = permit
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
            key = ask.key or ask.key_prefix or ""
            await self._authority.record(requester, [(ask, key, refusal)])
            raise

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
            self._authority.access(requester).session_keys[ask.bucket]
            for ask, answer in zip(asks, answers, strict=True)
            if answer is None and isinstance(ask, Ask)
        }


def _as_configured(action: Action, bucket: Bucket) -> Action:
    """An upload as the bucket wants it: encrypted, and create-only where the store can do that."""
    if not isinstance(action, PutObject):
        return action
    if action.if_match is not None:
        bucket.refuse_create_only(pointer="#/if_match")
    elif not action.overwrite:
        bucket.refuse_create_only()
    return action if bucket.encryption is None else replace(action, encryption=bucket.encryption)
