"""The main use case: sign a request, a form or a batch of requests for a caller."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any, Final, NamedTuple, NoReturn

from service.access.content_types import suggested_content_type
from service.access.surfaces import Surface
from service.concurrency.event_loop import in_slices
from service.errors import CredentialsUnavailable, PresignError
from service.presigning.audit import RefusedBatch
from service.presigning.authorizer import Authorizer, unavailable
from service.presigning.forms import access_for_form, form_call, form_key
from service.presigning.requests import (
    PostFormRequest,
    PresignBatch,
    PresignRequest,
    Requester,
    signed_key,
)
from service.presigning.results import PresignedForm, PresignedRequest, PresignedRequests
from service.presigning.signing_terms import NoSessionYet
from service.presigning.url_templates import UrlTemplateCache
from service.sessions.pool_entry import SessionKey
from service.signing.actions import PutObject
from service.signing.copy_object import CopyObject
from service.signing.post_policy import presign_form
from service.signing.signer import encode_key
from service.signing.validation import are_plain, is_valid_key

_RUN_WEIGHT: Final = 8  # what a run costs besides its keys: as much as this many
# What is signed without a pause: about 1 ms, or 2 ms if all characters need encoding.
_MAX_RUN: Final = 256
_MAX_RUN_CHARACTERS: Final = 8192

_Refusals = dict[SessionKey, CredentialsUnavailable | None]  # None: the session has come


class Presigner:
    def __init__(
        self,
        authorizer: Authorizer,
        *,
        unique_id: Callable[[], str],
        surface: Surface = "downloads",
    ) -> None:
        """`unique_id` makes the unique segment of a form's key.

        `surface` is whose URLs these are: who signs them may depend on it.
        """
        self._authorizer = authorizer
        self._templates = UrlTemplateCache(authorizer, surface)
        self._unique_id = unique_id

    def of_surface(self, surface: Surface) -> "Presigner":
        """Return the presigner of other URLs."""
        return Presigner(self._authorizer, unique_id=self._unique_id, surface=surface)

    def presign(
        self, requester: Requester, request: PresignRequest
    ) -> Coroutine[Any, Any, PresignedRequest]:
        """Return the method, URL and headers to send, and when the URL expires.

        Raises Forbidden, LimitExceeded or InvalidRequest if no grant allows the request or S3 would
        refuse it, LifetimeUnavailable or CredentialsUnavailable if no session lives long enough,
        CreateOnlyUnsupported, RateLimited, and Overloaded if the audit line cannot be written.
        """
        sign = partial(self._presign, requester, request)
        return self._authorizer.sign_and_audit(requester, request, request.key, sign)

    def presign_form(
        self, requester: Requester, request: PostFormRequest
    ) -> Coroutine[Any, Any, PresignedForm]:
        """Return the URL and the fields of a form. Raises what `presign` raises."""
        key = request.key or request.key_prefix or ""
        sign: Callable[[], PresignedForm]
        try:
            key = form_key(request, self._unique_id)
        except PresignError as error:
            sign = partial(_refuse, error)  # once it is counted against the caller's rate
        else:
            sign = partial(self._presign_form, requester, request, key)
        return self._authorizer.sign_and_audit(requester, request, key, sign)

    async def presign_batch(
        self,
        requester: Requester,
        requests: Sequence[PresignBatch | PresignError],
        while_waiting: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> list[PresignedRequests | PresignError]:
        """Return the answers in the order of the keys; a refused key has its error in its place.

        Neighbouring keys with the same decision share one answer. Call `count_batch` first.
        While this waits for sessions, it is in the context `while_waiting()`.
        """
        refusals: _Refusals = {}
        runs = await self._sign_runs(requester, requests)
        while pending := {run.waits_for for run in runs if run.waits_for} - refusals.keys():
            async with while_waiting():
                refusals |= await self._authorizer.session_errors(pending)
            runs = await self._sign_runs(requester, requests)
        answered = [(run.request, run.keys, run.answer or _refusal(run, refusals)) for run in runs]
        outcomes = [(each, keys, answer) for each, keys, answer in answered if each is not None]
        await self._authorizer.record(requester, outcomes)
        return [answer for _, keys, answer in answered for answer in _answers(keys, answer)]

    async def count_batch(
        self, requester: Requester, urls: int, describe: Callable[[], RefusedBatch]
    ) -> None:
        """Count a batch against the caller's rate: the whole batch, or nothing.

        Raises RateLimited once the refusal is in the audit trail, described by `describe()`.
        """
        try:
            if (counted := self._authorizer.count(requester, urls)) is not None:
                await counted
        except PresignError as refusal:
            trail, s3_buckets = self._authorizer.audit_trail, self._authorizer.snapshot.s3_buckets
            await trail.record_batch(requester, describe(), refusal, s3_buckets)
            raise

    def _presign(self, requester: Requester, request: PresignRequest) -> PresignedRequest:
        """Raises NoSessionYet, and what `presign` raises."""
        key = signed_key(request)
        template = self._templates.find(requester, request)
        action = request.action
        return PresignedRequest(
            method=action.METHOD,
            url=template.context.url(key),
            headers=template.headers,
            validity=template.terms.validity,
            signed_by=template.terms.signed_by,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )

    def _presign_form(
        self, requester: Requester, request: PostFormRequest, key: str
    ) -> PresignedForm:
        """As `_presign`."""
        access = access_for_form(request, key)
        authorized = self._authorizer.authorize(requester, access)
        signing_terms = self._authorizer.signing_terms(authorized, request.lifetime)
        bucket, validity = authorized.bucket, signing_terms.validity
        now, expires_in = validity.now, validity.expires_in
        signer = signing_terms.signing.signer
        fields = presign_form(
            signer.for_call(form_call(access), now=now, expires_in=expires_in),
            request.form,
            key,
            bucket=bucket.s3_bucket,
            encryption=bucket.encryption,
            now=now,
            expires_in=expires_in,
        )
        return PresignedForm(
            url=bucket.address.bucket_url,
            key=key,
            fields=fields,
            validity=validity,
            signed_by=signing_terms.signed_by,
        )

    async def _sign_runs(
        self, requester: Requester, requests: Sequence[PresignBatch | PresignError]
    ) -> "list[_Run]":
        """Sign everything with one configuration; other requests run in between.

        If the configuration is replaced meanwhile, everything is decided again with the new one.
        """
        while True:
            snapshot, runs = self._authorizer.snapshot, list[_Run]()
            made = (run for request in requests for run in self._runs(requester, request))
            async for run in in_slices(made, weight=lambda run: _RUN_WEIGHT + len(run.keys)):
                runs.append(run)
            # 1,000 signatures of RSA take a second, in which OpenSSL lets the event loop run.
            if late := [run for run in runs if run.sign is not None]:
                await asyncio.to_thread(_sign_all, late)
            if self._authorizer.snapshot is snapshot:
                return runs

    def _runs(self, requester: Requester, batch: PresignBatch | PresignError) -> "Iterator[_Run]":
        if isinstance(batch, PresignError):
            yield _Run(None, [""], batch)
            return
        for start in range(0, len(batch.keys), _MAX_RUN):
            keys = batch.keys[start : start + _MAX_RUN]
            plain = len(keys) > 1 and are_plain(keys)
            while keys:
                request = replace(batch.first, key=keys[0])
                run = self._run_of_keys(requester, request, keys, plain=plain)
                paths = run if plain else map(encode_key, run)
                try:
                    yield self._presign_run(requester, request, run, paths)
                except PresignError as error:
                    yield _Run(request, run, error)
                except NoSessionYet as missing:
                    yield _Run(request, run, None, waits_for=missing.key)
                keys = keys[len(run) :]

    def _run_of_keys(
        self, requester: Requester, request: PresignRequest, keys: list[str], *, plain: bool
    ) -> list[str]:
        """Return the first key, and those after it that are valid and get the same decision."""
        if len(keys) == 1 or isinstance(request.action, CopyObject):  # each may be its own source
            return keys[:1]
        grants = self._authorizer.access(requester).grants
        alike = grants.table(request.bucket, request.operation).alike(keys)
        run = [*(alike if plain else _valid(alike))]
        return _of_one_type(request, run or keys[:1])

    def _presign_run(
        self,
        requester: Requester,
        request: PresignRequest,
        keys: Sequence[str],
        paths: Iterable[str],
    ) -> "_Run":
        """As `_presign`, for all keys of a run. Only the first one may be invalid."""
        signed_key(request)
        template = self._templates.find(requester, request)
        action, context = request.action, template.context
        is_late = template.terms.is_slow
        answer = PresignedRequests(
            method=action.METHOD,
            urls=[] if is_late else context.urls(paths),
            headers=template.headers,
            validity=template.terms.validity,
            signed_by=template.terms.signed_by,
            content_length=action.content_length if isinstance(action, PutObject) else None,
        )
        return _Run(request, keys, answer, partial(context.urls, [*paths]) if is_late else None)


class _Run(NamedTuple):
    """Neighbouring keys with the same answer, which is None while a run `waits_for` a session.

    An item that is no valid request has its error and no `request`, and no audit line.
    """

    request: PresignRequest | None
    keys: Sequence[str]
    answer: PresignedRequests | PresignError | None
    sign: Callable[[], list[str]] | None = None  # what a thread does, for the answer's URLs
    waits_for: SessionKey | None = None


def _refusal(run: _Run, refusals: _Refusals) -> CredentialsUnavailable:
    """Return why there is no session for a run."""
    assert run.waits_for is not None  # else it has an answer
    return refusals[run.waits_for] or unavailable()


def _sign_all(runs: "Sequence[_Run]") -> None:
    for run in runs:
        if run.sign is not None and isinstance(run.answer, PresignedRequests):
            run.answer.urls = run.sign()


def _answers(
    keys: Sequence[str], answer: PresignedRequests | PresignError
) -> Sequence[PresignedRequests | PresignError]:
    """Repeat an error for each key. Signed requests have the URLs of all keys already."""
    return [answer] * len(keys) if isinstance(answer, PresignError) else [answer]


def _valid(keys: Iterable[str]) -> Iterator[str]:
    """Yield the first keys that are valid, while a run has room for them."""
    characters = 0
    for key in keys:
        characters += len(key)
        if characters > _MAX_RUN_CHARACTERS or not is_valid_key(key):
            return
        yield key


def _of_one_type(request: PresignRequest, keys: list[str]) -> list[str]:
    """Return the first of `keys`, and those after it that suggest the same type, if it matters."""
    if request.content_type_given:
        return keys
    first = suggested_content_type(keys[0])
    return list(takewhile(lambda key: suggested_content_type(key) == first, keys))


def _refuse(error: PresignError) -> NoReturn:
    raise error
