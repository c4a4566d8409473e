"""Uploads in parts of which nobody says how long they are: browser uploaders tell neither size.

Rules of this file:
- A part's URL holds it to no length. So what the parts come to is asked of the store at the end, and
  held against the grant, before they become an object; what is more than the grant allows is let go.
- Whoever is given the end's URL is held to that length by the signature: `x-amz-mp-object-size`.
- Keys are new and nobody else's (`access/own_keys.py`), and the end is create-only all the same.
"""

from collections.abc import Sequence
from contextlib import suppress
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
        """The id of the upload that was begun."""
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request()
        )
        return await create_upload(self._authorizer, self._store, requester, store_access, request)

    async def sign_create(
        self, requester: Requester, request: UnknownLengthUpload
    ) -> PresignedRequest:
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=1
        )
        return _signed(
            store_access, replace(request.action, encryption=store_access.encryption), request.key
        )

    async def sign_parts(
        self, requester: Requester, request: UnknownLengthParts
    ) -> list[PresignedRequest]:
        urls = len(request.part_numbers)
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=urls
        )
        return [_signed(store_access, action, request.upload.key) for action in request.actions()]

    async def sign_list(
        self, requester: Requester, upload: Upload, lifetime: Lifetime
    ) -> PresignedRequest:
        """Of the first thousand parts; who reads the list itself asks `MultipartUploads.parts`."""
        action = ListParts(upload_id=upload.upload_id)
        return await self._sign(requester, upload.store_request("ListParts"), action, lifetime)

    async def sign_abort(
        self, requester: Requester, upload: Upload, lifetime: Lifetime
    ) -> PresignedRequest:
        request, action = upload.store_request("AbortMultipartUpload"), AbortMultipartUpload
        return await self._sign(requester, request, action(upload_id=upload.upload_id), lifetime)

    async def complete(
        self, requester: Requester, upload: Upload, parts: Sequence[UploadedPart]
    ) -> CompletedUpload:
        """Makes the object of these parts."""
        sizes = {
            part.part_number: part.content_length
            for part in await self._multipart.parts(requester, upload)
        }
        length = sum(sizes.get(part.part_number, 0) for part in parts)
        request = Completion(upload=upload, content_length=length, parts=parts)
        try:
            return await self._multipart.complete(requester, request)
        except LimitExceeded:
            await self._abort(requester, upload)
            raise

    async def sign_complete(
        self, requester: Requester, upload: Upload, lifetime: Lifetime
    ) -> PresignedRequest:
        """The end of an upload, of all the bytes that the store has by now, and of no more."""
        parts = await self._multipart.parts(requester, upload)
        length = sum(part.content_length for part in parts)
        request = Completion(upload=upload, content_length=length, parts=parts)
        try:
            return await self._sign(requester, request.store_request(), request.action(), lifetime)
        except LimitExceeded:
            await self._abort(requester, upload)
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
        return _signed(store_access, action, request.key)

    async def _abort(self, requester: Requester, upload: Upload) -> None:
        """These bytes can never become an object; the caller is told why, whatever comes of it."""
        with suppress(PresignError):
            await self._multipart.abort(requester, upload)


def _signed(store_access: StoreAccess, action: MultipartAction, key: str) -> PresignedRequest:
    return PresignedRequest(
        method=action.METHOD,
        url=store_access.presign(action, key),
        headers=headers_to_send(action),
        validity=store_access.validity,
        session=store_access.session,
    )
