"""What a request for an object URL names, and the request to sign that it becomes."""

from functools import lru_cache
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from service.access.decisions import Allowed, decide
from service.access.grants import AccessRequest, Grants, Operation
from service.api.schemas import LongText, Text
from service.errors import InvalidRequest
from service.presigning.downloads import get_object
from service.presigning.requests import PresignRequest
from service.protocols.url_paths import decode
from service.sessions.lifetime import Lifetime
from service.signing.actions import DeleteObject, GetObject, HeadObject
from service.signing.content_disposition import Disposition

_DELETE: Final = DeleteObject()
_LONGEST_BUCKET: Final = 255  # as in the calls of `/v1`


def bucket_and_key(path: bytes) -> tuple[str, str]:
    """Return what follows `/o/` as a bucket and a key, decoded once. The key may be empty.

    Raises InvalidRequest for a bucket's name that is too long, and a path that is not UTF-8.
    """
    bucket, _, key = path.partition(b"/")
    name = decode(bucket)
    if len(name) > _LONGEST_BUCKET:  # it would make the audit line too long for log collectors
        raise InvalidRequest(f"A bucket's name has at most {_LONGEST_BUCKET} characters.")
    return name, decode(key)


class ReadQuery(BaseModel):
    """The query of a GET or HEAD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version_id: LongText | None = Field(default=None, alias="versionId")
    filename: Text | None = None
    disposition: Disposition | None = None
    content_type: Text | None = None

    def action(self) -> GetObject:
        return get_object(self.version_id, self.content_type, self.disposition, self.filename, None)


def get_request(bucket: str, key: str, query: ReadQuery, lifetime: Lifetime) -> PresignRequest:
    return PresignRequest(
        operation=Operation.DOWNLOAD,
        bucket=bucket,
        key=key,
        action=query.action(),
        lifetime=lifetime,
    )


def head_request(
    bucket: str, key: str, query: ReadQuery, lifetime: Lifetime, grants: Grants
) -> PresignRequest:
    """Return a HEAD that needs `head`, or `download` if no grant allows `head` there."""
    version = query.version_id is not None
    wanted = AccessRequest(operation=Operation.HEAD, bucket=bucket, key=key, version=version)
    may_head = isinstance(decide(grants, wanted), Allowed)
    return PresignRequest(
        operation=Operation.HEAD if may_head else Operation.DOWNLOAD,
        bucket=bucket,
        key=key,
        action=_head_of(query.action()),
        lifetime=lifetime,
    )


def delete_request(bucket: str, key: str, lifetime: Lifetime) -> PresignRequest:
    return PresignRequest(
        operation=Operation.DELETE, bucket=bucket, key=key, action=_DELETE, lifetime=lifetime
    )


@lru_cache(maxsize=256)
def _head_of(get: GetObject) -> HeadObject:
    return HeadObject(
        version_id=get.version_id,
        content_type=get.content_type,
        content_disposition=get.content_disposition,
    )
