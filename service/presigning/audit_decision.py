"""What an audit line says of one decision: everything but its time, its ids and its keys. Pure."""

from typing import Final, NamedTuple

from service.errors import PresignError
from service.presigning.requests import AnyRequest, CredentialsRequest, StoreRequest, operation
from service.presigning.results import (
    Diagnosed,
    MadeLink,
    PresignedForm,
    PresignedRequest,
    PresignedRequests,
    SignedHeaders,
    VendedCredentials,
)
from service.s3.access import StoreAccess
from service.signing.post_policy import rfc3339

_VEND: Final = "VendCredentials"  # not an action of S3

Answer = (
    PresignedRequest
    | PresignedRequests
    | PresignedForm
    | SignedHeaders
    | StoreAccess
    | Diagnosed
    | MadeLink
    | VendedCredentials
    | PresignError
)


class Decision(NamedTuple):
    """An outcome without its key. `reason` is a problem's code, or None if the request was allowed.

    Append new fields at the end: the functions below fill them by position.
    """

    decision: str
    reason: str | None
    operation: str
    bucket: str
    s3_bucket: str | None
    expires_in_asked: int | None
    expires_in: int | None
    signed_at: str | None
    url_id: str | None
    session_name: str | None
    access_key_id: str | None
    action: str | None
    upload_id: str | None
    permission: str | None


# Its fields as a plain tuple: making a named one takes longer than finding the line for it.
DecisionValues = tuple[str | int | None, ...]


def decision_of(request: AnyRequest, answer: Answer, s3_bucket: str | None) -> DecisionValues:
    what = operation(request), request.bucket, s3_bucket, request.lifetime.expires_in
    more: DecisionValues = (None, None, None)
    if isinstance(request, StoreRequest):
        more = (request.action, request.upload_id, None)
    elif isinstance(request, CredentialsRequest):
        more = (_VEND, None, request.permission)
    if isinstance(answer, PresignError):
        return ("denied", answer.code, *what, None, None, None, None, None, *more)
    if isinstance(answer, Diagnosed | MadeLink):
        seconds = answer.expires_in if isinstance(answer, MadeLink) else None
        return ("allowed", None, *what, seconds, None, None, None, None, *more)
    signs_nothing = isinstance(answer, StoreAccess) and not answer.urls
    validity = answer.validity
    expires_in = None if signs_nothing else validity.lifetime.expires_in
    signed_at = None if request.lifetime.stable_for is None else rfc3339(validity.now)
    who = answer.session.name, answer.session.credentials.access_key_id
    return ("allowed", None, *what, expires_in, signed_at, validity.url_id, *who, *more)


def refusal_of_many(
    code: str | None, operation: str, bucket: str | None = None, s3_bucket: str | None = None
) -> DecisionValues:
    """Return one decision for many requests. `code` and `bucket` are None if they differ."""
    values = ("denied", code, operation, bucket, s3_bucket)
    return (*values, *(None,) * (len(Decision._fields) - len(values)))
