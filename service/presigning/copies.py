"""Authorizes copies. One needs a grant for its source and for its target, and one session."""

from dataclasses import replace

from service.access.grants import AccessRequest, Operation
from service.errors import Forbidden, InvalidRequest, LimitExceeded
from service.presigning.authorizer import AuthorizedAccess, Authorizer
from service.presigning.caller_access import CallerAccess, Copying
from service.presigning.requests import PresignRequest, Requester
from service.sessions.pool_entry import SessionKey
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
    session_key = copy_session(authorizer.access(requester), target, source)
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
    lifetimes = (each.max_expires_in for each in (target, source) if each.max_expires_in)
    lifetime = min(lifetimes, default=None)  # None is no limit
    return replace(target, max_expires_in=lifetime, session_key=session_key), at_store


def copy_session(
    access: CallerAccess, target: AuthorizedAccess, source: AuthorizedAccess
) -> SessionKey:
    """Return which session copies, under the conditions of both grants.

    Raises InvalidRequest if no session may copy from the one bucket to the other, and Forbidden if
    the source is read only with a tag: stores differ in what they know of it in a copy.
    """
    if source.conditions is not None and source.conditions.only_if_tagged:
        raise Forbidden
    bucket = target.session_key.bucket
    session = access.copying[Copying(bucket, target.conditions, source.conditions)]
    if source.session_key.bucket not in session.sources:
        detail = "No session may read this source and write the copy. Download and upload it."
        raise InvalidRequest(detail, pointer="#/source")
    return session.key


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
