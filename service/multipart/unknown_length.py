"""Multipart uploads of unknown length: browser uploaders announce no length and no part sizes.

Rules of this file:
- A part's URL does not limit its length. So before completion the sizes at the store are summed and
  checked against the grant. If the sum is larger than granted, the upload is aborted.
- A signed completion is limited to that sum by a signed header, `x-amz-mp-object-size`.
- Keys are new and belong to the caller (`access/key_prefixes.py`). Completion is create-only all
  the same.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from service.errors import LimitExceeded, PresignError
from service.multipart.requests import (
    Completion,
    UnknownLengthParts,
    UnknownLengthUpload,
    Upload,
)
from service.multipart.uploads import MultipartUploads, create_upload
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.requests import StoreRequest
from service.presigning.results import CompletedUpload, PresignedRequest, headers_to_send
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.queries import S3Object
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    ListParts,
    MultipartAction,
    UploadedPart,
)


class UnknownLengthUploads:
    def __init__(
        self, authorizer: Authorizer, store: S3Client, multipart: MultipartUploads
    ) -> None:
        self._authorizer = authorizer
        self._store = store
        self._multipart = multipart

    async def create(self, requester: Requester, request: UnknownLengthUpload) -> str:
        """Create an upload at the store and return its id."""
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request()
        )
        s3_object = S3Object(self._store, store_access, request.bucket, request.key)
        return await create_upload(self._authorizer, requester, s3_object, request)

    async def sign_create(
        self, requester: Requester, request: UnknownLengthUpload
    ) -> PresignedRequest:
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=1
        )
        action = replace(request.action, encryption=store_access.encryption)
        return _presigned(store_access, action, request.key)

    async def sign_parts(
        self, requester: Requester, request: UnknownLengthParts
    ) -> list[PresignedRequest]:
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=len(request.part_numbers)
        )
        key = request.upload.key
        return [_presigned(store_access, action, key) for action in request.actions()]

    async def sign(
        self,
        requester: Requester,
        upload: Upload,
        action: ListParts | AbortMultipartUpload,
        lifetime: Lifetime,
    ) -> PresignedRequest:
        request = upload.store_request(type(action).__name__)
        return await self._sign(requester, request, action, lifetime)

    async def complete(
        self, requester: Requester, upload: Upload, parts: Sequence[UploadedPart]
    ) -> CompletedUpload:
        """Make the object of these parts. Raises LimitExceeded if it would be too large."""
        listed = await self._multipart.parts(requester, upload)
        sizes = {part.part_number: part.content_length for part in listed}
        length = sum(sizes.get(part.part_number, 0) for part in parts)
        request = Completion(upload=upload, content_length=length, parts=parts)
        async with self._abort_if_too_large(requester, upload):
            return await self._multipart.complete(requester, request)

    async def sign_complete(
        self, requester: Requester, upload: Upload, lifetime: Lifetime
    ) -> PresignedRequest:
        """Sign a completion for exactly the bytes that the store has now.

        Raises LimitExceeded if they are more than granted.
        """
        parts = await self._multipart.parts(requester, upload)
        length = sum(part.content_length for part in parts)
        request = Completion(upload=upload, content_length=length, parts=parts)
        async with self._abort_if_too_large(requester, upload):
            return await self._sign(requester, request.store_request(), request.action(), lifetime)

    @asynccontextmanager
    async def _abort_if_too_large(
        self, requester: Requester, upload: Upload
    ) -> AsyncIterator[None]:
        """Abort the upload on LimitExceeded: its parts can never become an object."""
        try:
            yield
        except LimitExceeded:
            with suppress(PresignError):
                await self._multipart.abort(requester, upload)
            raise

    async def _sign(
        self,
        requester: Requester,
        request: StoreRequest,
        action: MultipartAction,
        lifetime: Lifetime,
    ) -> PresignedRequest:
        request = replace(request, lifetime=lifetime)
        store_access = await self._authorizer.authorize_store_call(requester, request, urls=1)
        return _presigned(store_access, action, request.key)


def _presigned(store_access: StoreAccess, action: MultipartAction, key: str) -> PresignedRequest:
    return PresignedRequest(
        method=action.METHOD,
        url=store_access.presign(action, key),
        headers=headers_to_send(action),
        validity=store_access.validity,
        session=store_access.session,
    )
