"""The first use case: sign a request, a form or a batch of requests for a caller."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import NamedTuple, NoReturn, overload

from service.access.grants import decision_scope
from service.concurrency.event_loop import ITEMS_PER_SLICE, in_slices
from service.errors import PresignError
from service.presigning.audit import Outcome, RefusedBatch, Requester
from service.presigning.authorizer import Authorizer, unavailable
from service.presigning.requests import (
    PostFormRequest,
    PresignBatch,
    PresignRequest,
    access_for_form,
    access_for_request,
    form_key,
    signed_key,
)
from service.presigning.results import PresignedForm, PresignedRequest, PresignedRequests
from service.presigning.url_templates import UrlTemplateCache
from service.sessions.pool_entry import SessionKey
from service.signing.actions import PutObject
from service.signing.post_policy import presign_form
from service.signing.signer import encode_key, paths_of
from service.signing.validation import are_plain


class Presigner:
    def __init__(self, authorizer: Authorizer, *, unique_id: Callable[[], str]) -> None:
        """`unique_id` makes the unique segment of a form's key."""
        self._authorizer = authorizer
        self._templates = UrlTemplateCache(authorizer)
        self._unique_id = unique_id

    async def presign(self, requester: Requester, request: PresignRequest) -> PresignedRequest:
        """Return the method, URL and headers to send, and when the URL expires.

        Raises Forbidden, LimitExceeded or InvalidRequest if no grant allows the request or S3 would
        refuse it, LifetimeUnavailable or CredentialsUnavailable if no session lives long enough,
        CreateOnlyUnsupported, RateLimited, and Overloaded if the audit line cannot be written.
        """
        return await self._authorizer.sign_and_audit(
            requester, request, request.key, lambda: self._presign(requester, request)
        )

    async def presign_form(self, requester: Requester, request: PostFormRequest) -> PresignedForm:
        """Return the URL and the fields of a form. Raises what `presign` raises."""
        key = request.key or request.key_prefix or ""
        sign: Callable[[], PresignedForm | None]
        try:
            key = form_key(request, self._unique_id)
        except PresignError as error:
            sign = partial(_refuse, error)  # after it was counted against the caller's rate
        else:
            sign = partial(self._presign_form, requester, request, key)
        return await self._authorizer.sign_and_audit(requester, request, key, sign)

    @overload
    async def presign_batch(
        self,
        requester: Requester,
        requests: Sequence[PresignRequest | PresignError],
        aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> list[PresignedRequest | PresignError]: ...

    @overload
    async def presign_batch(
        self,
        requester: Requester,
        requests: Sequence[PresignBatch | PresignError],
        aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> list[PresignedRequest | PresignedRequests | PresignError]: ...

    async def presign_batch(
        self,
        requester: Requester,
        requests: Sequence[PresignRequest | PresignBatch | PresignError],
        aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> Sequence[PresignedRequest | PresignedRequests | PresignError]:
        """Return an answer for each request, in order; a refused one has its error in its place.

        Of `PresignBatch`, keys next to each other for which the same is decided are answered together.
        `count_batch` comes before. Sessions are waited for within `aside()`.
        """
        parts, waited = await self._parts(requester, requests), set[SessionKey]()
        while pending := self._pending(requester, parts) - waited:
            async with aside():
                await asyncio.gather(*map(self._authorizer.wait, pending))
            waited |= pending
            parts = await self._parts(requester, requests)
        parts = [_Part(request, keys, answer or unavailable()) for request, keys, answer in parts]
        await self._authorizer.record(requester, _outcomes(parts))
        return [answer for part in parts for answer in part.told()]

    async def count_batch(
        self, requester: Requester, urls: int, describe: Callable[[], RefusedBatch]
    ) -> None:
        """Count a batch against the caller's rate: the whole batch, or nothing.

        Raises RateLimited once the refusal is in the trail, as `describe()` has it.
        """
        try:
            await self._authorizer.count(requester, urls)
        except PresignError as refusal:
            await self._authorizer.record_batch(requester, describe(), refusal)
            raise

    def _presign(self, requester: Requester, request: PresignRequest) -> PresignedRequest | None:
        """Return None while no session is available."""
        key = signed_key(request)
        if (template := self._templates.find(requester, request)) is None:
            return None
        action = template.action
        return PresignedRequest(
            method=action.METHOD,
            url=template.context.url(encode_key(key)),
            headers=template.headers,
            validity=template.validity,
            session=template.session,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )

    def _presign_alike(
        self, requester: Requester, requests: PresignBatch, paths: Sequence[str]
    ) -> PresignedRequests | None:
        """As `_presign`, for keys that all may be signed and that all get the same decision."""
        if (template := self._templates.find(requester, requests.one)) is None:
            return None
        action = template.action
        return PresignedRequests(
            method=action.METHOD,
            urls=template.context.urls(paths),
            headers=template.headers,
            validity=template.validity,
            session=template.session,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )

    def _presign_form(
        self, requester: Requester, request: PostFormRequest, key: str
    ) -> PresignedForm | None:
        """As `_presign`."""
        granted = self._authorizer.authorize(requester, access_for_form(request, key))
        form = replace(request.form, key=key, encryption=granted.bucket.encryption)
        if (signing_grant := self._authorizer.signing_grant(granted, request.lifetime)) is None:
            return None
        bucket, _, signing, validity = signing_grant
        fields = presign_form(
            signing.signer,
            form,
            bucket=bucket.s3_bucket,
            now=validity.now,
            expires_in=validity.expires_in,
        )
        return PresignedForm(
            url=f"{bucket.address.origin}{bucket.address.bucket_path}",
            key=key,
            fields=fields,
            validity=validity,
            session=signing.session,
        )

    async def _parts(
        self, requester: Requester, requests: Sequence[PresignRequest | PresignBatch | PresignError]
    ) -> "list[_Part]":
        """Return the outcome of each. Other requests run in between, since a batch may take many times as long.

        Where the configuration was replaced meanwhile, all is decided anew: what is answered was
        decided on the one that stands.
        """
        while True:
            snapshot, parts = self._authorizer.snapshot, list[_Part]()
            made = (part for request in requests for part in self._parts_of(requester, request))
            async for part in in_slices(made, weight=lambda part: len(part.keys)):
                parts.append(part)
            if self._authorizer.snapshot is snapshot:
                return parts

    def _parts_of(
        self, requester: Requester, request: PresignRequest | PresignBatch | PresignError
    ) -> "Iterator[_Part]":
        """A generator, since splitting a batch of different items takes many times as long as signing equal ones."""
        if isinstance(request, PresignBatch) and len(request.keys) > 1:
            if (paths := self._alike(requester, request)) is not None:
                sign = partial(self._presign_alike, requester, request, paths)
                yield _attempt(request.one, request.keys, sign)
                return
            for half in request.halves():
                yield from self._parts_of(requester, half)
        elif isinstance(request, PresignError):
            yield _Part(None, [""], request)
        else:
            one = request.one if isinstance(request, PresignBatch) else request
            yield _attempt(one, [one.key], partial(self._presign, requester, one))

    def _alike(self, requester: Requester, requests: PresignBatch) -> Sequence[str] | None:
        """Return the keys' paths if one decision holds for all of them, and all may be signed."""
        if len(requests.keys) > ITEMS_PER_SLICE and not are_plain(requests.keys):  # long to encode
            return None
        reached = decision_scope(
            self._authorizer.access(requester).grants, access_for_request(requests.one)
        )
        return (
            paths_of(requests.keys)
            if reached is not None and reached.contains_all(requests.keys)
            else None
        )

    def _pending(self, requester: Requester, parts: "Sequence[_Part]") -> set[SessionKey]:
        """The sessions that are not available yet."""
        return {
            self._authorizer.access(requester).session_keys[request.bucket]
            for request, _, answer in parts
            if answer is None and request is not None
        }


class _Part(NamedTuple):
    """Keys of a batch with the same outcome; `answer` is None while no session is available.

    What was wrong before it could be asked has no `ask`, and is not audited.
    """

    request: PresignRequest | None
    keys: Sequence[str]
    answer: PresignedRequest | PresignedRequests | PresignError | None

    def told(self) -> "Sequence[PresignedRequest | PresignedRequests | PresignError]":
        assert self.answer is not None  # whoever waited knows by now
        return [self.answer] * (len(self.keys) if isinstance(self.answer, PresignError) else 1)


def _attempt(
    request: PresignRequest,
    keys: Sequence[str],
    sign: Callable[[], PresignedRequest | PresignedRequests | None],
) -> _Part:
    try:
        return _Part(request, keys, sign())
    except PresignError as error:
        return _Part(request, keys, error)


def _refuse(error: PresignError) -> NoReturn:
    raise error


def _outcomes(parts: Sequence[_Part]) -> list[Outcome]:
    return [
        (request, keys, answer)
        for request, keys, answer in parts
        if request is not None and answer is not None
    ]
