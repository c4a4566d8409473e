"""What an audit line says of one decision: everything but its time, its ids and its keys. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from service.access.grants import Operation
from service.clock import rfc3339
from service.errors import PresignError
from service.presigning.requests import (
    AnyRequest,
    CookiesRequest,
    CredentialsRequest,
    ObjectRequest,
    PresignRequest,
    StoreRequest,
    UnreadRequest,
    operation,
)
from service.presigning.results import (
    Diagnosed,
    EndedLink,
    ListedLinks,
    MadeLink,
    PresignedForm,
    PresignedRequest,
    PresignedRequests,
    SignedCookies,
    SignedHeaders,
    VendedCredentials,
)
from service.s3.access import StoreAccess
from service.signing.cloudfront import CloudFrontSigner
from service.signing.copy_object import CopyObject
from service.signing.validation import MAX_KEY_BYTES

# Not actions of S3.
_VEND: Final = "VendCredentials"
_END_LINK: Final = "EndLink"
_LIST_LINKS: Final = "ListLinks"
_SIGN_COOKIES: Final = "SignCookies"
_UNSIGNED: Final = (Diagnosed, MadeLink, EndedLink, ListedLinks)

Answer = (
    PresignedRequest
    | PresignedRequests
    | PresignedForm
    | SignedHeaders
    | SignedCookies
    | StoreAccess
    | Diagnosed
    | MadeLink
    | EndedLink
    | ListedLinks
    | VendedCredentials
    | PresignError
)


class Decision(NamedTuple):
    """An outcome without its key. `reason` is a problem's code, or None if the request was allowed.

    Append new fields at the end: the functions below fill them by position.
    """

    decision: str
    reason: str | None
    operation: str | None = None
    bucket: str | None = None
    s3_bucket: str | None = None
    expires_in_asked: int | None = None
    expires_in: int | None = None
    signed_at: str | None = None
    url_id: str | None = None
    session_name: str | None = None
    access_key_id: str | None = None
    action: str | None = None
    upload_id: str | None = None
    permission: str | None = None
    route: str | None = None
    source_bucket: str | None = None
    source_key: str | None = None
    key_pair_id: str | None = None


# Its fields as a plain tuple: making a named one takes longer than finding the line for it.
DecisionValues = tuple[str | int | None, ...]
_NO_MORE: Final[DecisionValues] = (None, None, None, None, None, None)


def decision_of(
    request: AnyRequest, answer: Answer, s3_buckets: Mapping[str, str]
) -> DecisionValues:
    """`s3_buckets` are the buckets' names at the store."""
    if isinstance(request, UnreadRequest):
        return _decision_of_unread(request, answer)
    s3_bucket = s3_buckets.get(request.bucket)
    what = operation(request), request.bucket, s3_bucket, request.lifetime.expires_in
    if not isinstance(request, PresignRequest):
        more = _more_of(request)
    elif isinstance(request.action, CopyObject):
        source = request.action.source
        more = ("CopyObject", None, None, None, source.bucket, source.key[:MAX_KEY_BYTES])
    else:
        more = _NO_MORE
    if isinstance(answer, PresignError):
        return ("denied", answer.code, *what, None, None, None, None, None, *more, None)
    if isinstance(answer, _UNSIGNED):
        seconds = answer.expires_in if isinstance(answer, MadeLink) else None
        return ("allowed", None, *what, seconds, None, None, None, None, *more, None)
    signs_nothing = isinstance(answer, StoreAccess) and not answer.urls
    validity = answer.validity
    expires_in = None if signs_nothing else validity.lifetime.expires_in
    signed_at = None if request.lifetime.stable_for is None else rfc3339(validity.now)
    made = ("allowed", None, *what, expires_in, signed_at, validity.url_id)
    if isinstance(by := answer.session, CloudFrontSigner):
        return (*made, None, None, *more, by.key_pair_id)
    return (*made, by.name, by.credentials.access_key_id, *more, None)


def _more_of(request: ObjectRequest) -> DecisionValues:
    """Return what a decision has from `action` to `source_key`."""
    match request:
        case StoreRequest():
            return (request.action, request.upload_id, None, None, None, None)
        case CredentialsRequest():
            return (_VEND, None, request.permission, None, None, None)
        case CookiesRequest():
            return (_SIGN_COOKIES, None, None, None, None, None)
    return _NO_MORE


def _decision_of_unread(request: UnreadRequest, answer: Answer) -> DecisionValues:
    if isinstance(answer, PresignError):
        return tuple(Decision("denied", answer.code, route=request.route))
    action = _LIST_LINKS if isinstance(answer, ListedLinks) else _END_LINK
    return tuple(Decision("allowed", None, Operation.LINK, action=action))
