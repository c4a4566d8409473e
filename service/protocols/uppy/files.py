"""A file of Uppy's, and the requests that upload it in one piece. Pure.

A PUT is the request that every store checks: Ceph RGW 18 accepts a form under a session policy and
stores nothing. It has one exact length, so it is signed only if the page has sent that.
"""

from dataclasses import dataclass, replace
from typing import Final

from service.access.decisions import allows, max_upload_size
from service.access.grants import Grants, Operation
from service.access.key_prefixes import safe_name
from service.errors import InvalidRequest
from service.presigning.bucket import Bucket
from service.presigning.forms import access_for_form
from service.presigning.requests import (
    PostFormRequest,
    PresignRequest,
)
from service.sessions.lifetime import Lifetime
from service.signing.actions import DEFAULT_CONTENT_TYPE, MAX_UPLOAD_BYTES, PutObject
from service.signing.post_policy import PostObject

# The store then returns the object's Location and ETag: …/AmazonS3/latest/API/RESTObjectPOST.html
_CREATED: Final = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, as Uppy describes it. Its length is known only if the page sends it."""

    name: str
    content_type: str | None = None
    content_length: int | None = None

    def check_length(self, maximum: int) -> None:
        if self.content_length is not None and self.content_length > maximum:
            detail = f"This upload can have at most {maximum} bytes."
            raise InvalidRequest(detail, pointer="#/contentLength")


def form_request(bucket: str, prefix: str, file: File, lifetime: Lifetime) -> PostFormRequest:
    """Return the form for a file of a known length, or an empty one."""
    file.check_length(MAX_UPLOAD_BYTES)
    length = file.content_length or 0
    form = PostObject(
        min_content_length=length,
        max_content_length=length,
        content_type=file.content_type,
        success_status=_CREATED,
    )
    return PostFormRequest(
        bucket=bucket,
        form=form,
        lifetime=lifetime,
        key_prefix=prefix,
        filename=safe_name(file.name),
    )


def with_longest(request: PostFormRequest, grants: Grants, key: str) -> PostFormRequest:
    """Let a form take as many bytes as the grants allow for a key like this one."""
    most = max_upload_size(grants, access_for_form(request, key), MAX_UPLOAD_BYTES)
    return replace(request, form=replace(request.form, max_content_length=most))


def put_request(
    bucket: str, key: str, file: File, content_length: int, lifetime: Lifetime
) -> PresignRequest:
    """Return the create-only PUT of a file."""
    file.check_length(MAX_UPLOAD_BYTES)
    action = PutObject(
        content_type=file.content_type or DEFAULT_CONTENT_TYPE, content_length=content_length
    )
    return PresignRequest(
        operation=Operation.UPLOAD,
        bucket=bucket,
        key=key,
        action=action,
        lifetime=lifetime,
        content_type_given=file.content_type is not None,
    )


def can_put(request: PresignRequest, grants: Grants, bucket: Bucket) -> bool:
    """Whether a grant with `upload` allows the PUT, and the store can make it create-only."""
    return bucket.conditional_writes and allows(grants, request.access_request())
