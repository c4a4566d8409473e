"""URL templates: everything in an answer but the key, for one caller and one kind of request in one second.

Rules of this file:
- A template is valid while its sources are unchanged: the configuration, of which the caller's
  `CallerAccess` is a part, the session, and the second by that session's clock.
- It serves the keys in its scope, since the grants are all that depends on a key.
- URLs with `stable_for` are not cached: an older session may sign them, and `is_current` compares with the
  newest.
- The key in the cache is the identity of its sources, which the template keeps alive. So only sources that
  come again as the same object are worth caching; an upload's action never does.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from pydantic_core import to_json

from service.access.grants import Caller, DecisionScope, decision_scope
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer, SigningGrant
from service.presigning.requests import PresignRequest, access_for_request, with_page_size
from service.presigning.results import to_send
from service.presigning.snapshot import Bucket, CallerAccess
from service.sessions.lifetime import Lifetime, Validity
from service.sessions.session import Session
from service.signing.actions import Action, ListObjects, PutObject
from service.signing.signer import SigningContext

_MAX_TEMPLATES: Final = 256
_URL_ID_LENGTH: Final = 32  # hex digits, as a request's own id has them


@dataclass(slots=True, eq=False)
class UrlTemplate:
    access: CallerAccess = field(repr=False)
    action: Action
    lifetime: Lifetime
    decision_scope: DecisionScope | None
    signing_grant: SigningGrant = field(repr=False)
    context: SigningContext
    headers: dict[str, str]
    validity: Validity
    session: Session = field(repr=False)


class UrlTemplateCache:
    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._kept: dict[tuple[int, int, int, str], UrlTemplate] = {}

    def find(self, requester: Requester, request: PresignRequest) -> UrlTemplate | None:
        """Raises what the caller is told if it may not have it. None: the session has yet to come."""
        access = self._authorizer.access(requester)
        at = (id(access), id(request.action), id(request.lifetime), request.bucket)
        template = self._kept.get(at)
        if template is not None and self._serves(template, request.key):
            return template
        template = self._make(requester, access, request)
        if template is not None and _is_reusable(template):
            self._keep(at, template)
        return template

    def _serves(self, template: UrlTemplate, key: str) -> bool:
        reached = template.decision_scope
        return (
            reached is not None
            and reached.contains(key)
            and self._authorizer.is_current(template.signing_grant)
        )

    def _make(
        self, requester: Requester, access: CallerAccess, request: PresignRequest
    ) -> UrlTemplate | None:
        asked = with_page_size(request, access.grants)
        access_request = access_for_request(asked)
        granted = self._authorizer.authorize(requester, access_request)
        action = _apply_bucket_defaults(asked.action, granted.bucket)
        if (signing_grant := self._authorizer.signing_grant(granted, request.lifetime)) is None:
            return None
        context = _context(requester, request, action, signing_grant)
        return UrlTemplate(
            access,
            request.action,
            request.lifetime,
            None
            if isinstance(action, PutObject | ListObjects)
            else decision_scope(access.grants, access_request),
            signing_grant,
            context,
            to_send(context.headers),
            signing_grant.validity,
            signing_grant.signing.session,
        )

    def _keep(self, at: tuple[int, int, int, str], template: UrlTemplate) -> None:
        if at not in self._kept and len(self._kept) >= _MAX_TEMPLATES:
            del self._kept[next(iter(self._kept))]
        self._kept[at] = template


def _is_reusable(template: UrlTemplate) -> bool:
    once = template.signing_grant.bucket.tag_urls or template.lifetime.stable_for is not None
    return template.decision_scope is not None and not once


def _context(
    requester: Requester, request: PresignRequest, action: Action, signing_grant: SigningGrant
) -> SigningContext:
    tag = requester.request_id if signing_grant.bucket.tag_urls else None
    signer, validity, stable_for = (
        signing_grant.signing.signer,
        signing_grant.validity,
        request.lifetime.stable_for,
    )
    if stable_for is not None:
        signer = signing_grant.signing.stable_signer
        if tag is not None:
            tag = validity.url_id = _url_id(requester.identity.caller, validity.now, stable_for)
    return signer.context(action, now=validity.now, expires_in=validity.expires_in, tag=tag)


def _url_id(caller: Caller, begins_at: int, stable_for: int) -> str:
    """Of all URLs that a caller gets in a window, in place of the id of any one request."""
    window = to_json([caller.issuer, caller.subject, begins_at, stable_for])
    return sha256(window).hexdigest()[:_URL_ID_LENGTH]


def _apply_bucket_defaults(action: Action, bucket: Bucket) -> Action:
    """An upload as the bucket wants it: encrypted, and create-only where the store can do that."""
    if not isinstance(action, PutObject):
        return action
    if action.if_match is not None:
        bucket.refuse_create_only(pointer="#/if_match")
    elif not action.overwrite:
        bucket.refuse_create_only()
    return action if bucket.encryption is None else replace(action, encryption=bucket.encryption)
