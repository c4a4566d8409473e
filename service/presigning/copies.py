"""Authorizes copies. One needs a grant for its source and for its target, and one session."""

from dataclasses import replace

from service.access.grants import AccessRequest, Operation
from service.errors import InvalidRequest, LimitExceeded
from service.presigning.authorizer import AuthorizedAccess, Authorizer
from service.presigning.caller_access import CallerAccess
from service.presigning.requests import PresignRequest, Requester
from service.signing.copy_object import CopyObject, CopySource


def authorize_copy(
    authorizer: Authorizer,
    requester: Requester,
    request: PresignRequest,
    action: CopyObject,
    target: AuthorizedAccess,
) -> tuple[AuthorizedAccess, CopyObject]:
    """Return what the grants for source and target both allow, and the copy as the store knows it.

    Raises Forbidden or LimitExceeded if no grant reads the source, and InvalidRequest if no session
    may both read it and write the copy, or if it would be copied onto itself.
    """
    source = _authorize_source(authorizer, requester, action.source)
    check_session(authorizer.access(requester), action.source.bucket, request.bucket)
    there = source.bucket.s3_bucket
    # An access point is another name of some bucket, perhaps of this one.
    may_be_same = (
        there == target.bucket.s3_bucket
        or source.bucket.is_access_point
        or target.bucket.is_access_point
    )
    if may_be_same and action.source.key == request.key and action.source.version_id is None:
        raise InvalidRequest("An object is not copied onto itself.", pointer="#/source/key")
    at_store = replace(action, source=replace(action.source, bucket=there))
    return replace(target, max_expires_in=_shorter(target, source)), at_store


def check_session(access: CallerAccess, source: str, target: str) -> None:
    """Raises InvalidRequest if no session may copy from the one bucket to the other."""
    if source not in access.copying[target].sources:
        detail = "No session may read this source and write the copy. Download and upload it."
        raise InvalidRequest(detail, pointer="#/source")


def _authorize_source(
    authorizer: Authorizer, requester: Requester, source: CopySource
) -> AuthorizedAccess:
    access_request = AccessRequest(
        operation=Operation.DOWNLOAD,
        bucket=source.bucket,
        key=source.key,
        version=source.version_id is not None,
    )
    try:
        return authorizer.authorize(requester, access_request)
    except LimitExceeded as error:  # of versions: a download has no other limit
        raise LimitExceeded(error.detail, pointer="#/source/version_id") from None


def _shorter(*authorized: AuthorizedAccess) -> int | None:
    """Return the shortest of their lifetimes. None is no limit."""
    return min((each.max_expires_in for each in authorized if each.max_expires_in), default=None)
