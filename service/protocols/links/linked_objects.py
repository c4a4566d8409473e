"""Looks at the object that a link leads to, so that nobody is led to one that is not there.

Rules of this file:
- One HEAD, and a list of the key after a 403, within LOOK_SECONDS. People wait for it; programs
  that use links never do.
- An object is missing if the store says 404, or 403 and then lists no such key: S3 may answer 403
  for a missing key. Of a role that may not list, or a store out of reach, nothing is known.
"""

from dataclasses import dataclass
from typing import Final

from service.access.grants import AccessRequest, Operation
from service.concurrency.shared_attempts import attempt
from service.errors import (
    CredentialsUnavailable,
    Overloaded,
    StorageRefused,
    StorageUnavailable,
)
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester, StoreRequest
from service.s3.client import S3Client
from service.s3.errors import S3Error
from service.s3.queries import S3Object

LOOK_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenObject:
    """The result of a look at an object. None means not known. `size` is in bytes."""

    is_missing: bool = False
    size: int | None = None
    content_type: str | None = None


_UNKNOWN: Final = SeenObject()
_NOTHING_IS_KNOWN: Final = (
    *(CredentialsUnavailable, Overloaded, StorageRefused, StorageUnavailable),
    *(S3Error, TimeoutError),
)


class LinkedObjects:
    def __init__(self, authorizer: Authorizer, store: S3Client) -> None:
        self._authorizer = authorizer
        self._store = store

    async def look(
        self, requester: Requester, bucket: str, key: str, *, is_counted: bool
    ) -> SeenObject:
        """Look at an object that the requester may download, which is a line in the audit trail.

        With `is_counted` it does not count against the caller's rate: what it belongs to does.
        Raises Forbidden, RateLimited and what else `Authorizer.sign_and_audit` raises of a caller.
        """
        try:
            look = self._look(requester, bucket, key, is_counted=is_counted)
            return await attempt(look, LOOK_SECONDS)
        except _NOTHING_IS_KNOWN:
            return _UNKNOWN

    async def _look(
        self, requester: Requester, bucket: str, key: str, *, is_counted: bool
    ) -> SeenObject:
        wanted = AccessRequest(operation=Operation.DOWNLOAD, bucket=bucket, key=key)
        request = StoreRequest(action="HeadObject", access_request=wanted)
        access = await self._authorizer.authorize_store_call(
            requester, request, is_counted=is_counted
        )
        if (reply := await S3Object(self._store, access, bucket, key).head()) is None:
            return SeenObject(is_missing=True)
        size = reply.headers.get("content-length", "")
        return SeenObject(
            size=int(size) if size.isdecimal() else None,
            content_type=reply.headers.get("content-type"),
        )
