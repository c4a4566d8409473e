"""URL templates: everything in a response but the key, for one caller and one kind of request in
one second.

Rules of this file:
- A template is valid while its sources are unchanged: the configuration, of which the caller's
  `CallerAccess` is a part, the session, and the second by that session's clock.
- It serves the keys of its scope, since only the grants depend on the key.
- URLs with `stable_for` are not cached: an older session may sign them, and `is_current` compares
  with the newest.
- Uploads, copies and lists are not cached: two of one second are seldom alike.
- What is slow to sign is not cached: its signature costs several times as much as the rest.

A/B in process, a GET: 29 µs with this cache, 41 µs without it.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from pydantic_core import to_json

from service.access.grants import Caller, DecisionScope
from service.access.surfaces import Surface
from service.concurrency.bounded_dict import BoundedDict
from service.presigning.authorizer import Authorizer
from service.presigning.bucket import Bucket
from service.presigning.caller_access import CallerAccess
from service.presigning.copies import authorize_copy
from service.presigning.requests import (
    PresignRequest,
    Requester,
    SignedAction,
    with_content_type,
    with_page_size,
)
from service.presigning.results import headers_to_send
from service.presigning.url_signers import UrlTerms
from service.sessions.lifetime import Lifetime
from service.signing.actions import ListObjects, PutObject
from service.signing.copy_object import CopyObject
from service.signing.redirected_put import RedirectedPut
from service.signing.signer import UrlContext

_MAX_TEMPLATES: Final = 256
_URL_ID_LENGTH: Final = 32  # hex digits, as in a request id

_NEVER_ALIKE: Final = (PutObject, CopyObject, RedirectedPut, ListObjects)

# What a template is made of. A new configuration has new accesses, which equal no other.
_CacheKey = tuple[CallerAccess, DecisionScope, SignedAction, Lifetime]


@dataclass(slots=True, eq=False)
class UrlTemplate:
    terms: UrlTerms = field(repr=False)
    context: UrlContext
    headers: dict[str, str]
    is_reusable: bool


class UrlTemplateCache:
    def __init__(self, authorizer: Authorizer, surface: Surface) -> None:
        self._authorizer = authorizer
        self._surface = surface
        self._cache = BoundedDict[_CacheKey, UrlTemplate](_MAX_TEMPLATES)

    def find(self, requester: Requester, request: PresignRequest) -> UrlTemplate:
        """Return a template for the request.

        Raises NoSessionYet, and what `Presigner.presign` raises.
        """
        access = self._authorizer.access(requester)
        if isinstance(request.action, _NEVER_ALIKE):
            return self._make(requester, access, request)
        scope = access.grants.table(request.bucket, request.operation).find(request.key)
        at = (access, scope, request.action, request.lifetime)
        cached = self._cache.get(at)
        if cached is not None and cached.terms.is_current():
            return cached
        template = self._make(requester, access, request)
        if template.is_reusable:
            self._cache[at] = template
        return template

    def _make(
        self, requester: Requester, access: CallerAccess, request: PresignRequest
    ) -> UrlTemplate:
        complete = with_content_type(with_page_size(request, access.grants), access.grants)
        authorized = self._authorizer.authorize(requester, complete.access_request())
        action = complete.action
        if isinstance(action, CopyObject):
            authorized, action = authorize_copy(
                self._authorizer, requester, request, action, authorized
            )
        signer = authorized.bucket.signing_for(action, self._surface)
        action = _apply_bucket_defaults(action, authorized.bucket)
        terms = self._authorizer.url_terms(signer, authorized, request.lifetime)
        tag = _tag(requester, request.lifetime, terms) if authorized.bucket.tag_urls else None
        context = terms.context(action, tag)
        return UrlTemplate(
            terms=terms,
            context=context,
            headers=headers_to_send(context.headers),
            is_reusable=tag is None and request.lifetime.stable_for is None and not terms.is_slow,
        )


def _tag(requester: Requester, lifetime: Lifetime, terms: UrlTerms) -> str:
    """Return the id of a request in its URL. All URLs of a window have one."""
    if lifetime.stable_for is None:
        return requester.request_id
    return _url_id(requester.identity.caller, terms.validity.now, lifetime.stable_for)


def _url_id(caller: Caller, begins_at: int, stable_for: int) -> str:
    """The id of all URLs that a caller gets in a window, in place of a request's id."""
    window = to_json([caller.issuer, caller.subject, begins_at, stable_for])
    return sha256(window).hexdigest()[:_URL_ID_LENGTH]


def _apply_bucket_defaults(action: SignedAction, bucket: Bucket) -> SignedAction:
    """Encrypt an upload or a copy as the bucket requires.

    Raises CreateOnlyUnsupported if the store cannot refuse to overwrite, and InvalidRequest if the
    client's own headers do not encrypt it so.
    """
    if isinstance(action, CopyObject):
        if not action.overwrite:
            bucket.refuse_create_only_copies()
        return replace(action, encryption=bucket.encryption)
    if not isinstance(action, PutObject | RedirectedPut):
        return action
    if action.if_match is not None:
        bucket.refuse_create_only(pointer="#/if_match")
    elif not action.overwrite and not (isinstance(action, RedirectedPut) and action.new_key):
        bucket.refuse_create_only()
    if isinstance(action, RedirectedPut):
        bucket.check_encryption(action.encryption)
        return action
    return action if bucket.encryption is None else replace(action, encryption=bucket.encryption)
