"""Multipart uploads: callers get URLs for the parts, and the service makes all other calls.

Rules of this file:
- The service stores nothing about an upload: callers send what a call needs, and it is checked
  with the store before it is trusted.
- Each call to the store is in the audit trail before it is made.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from service.concurrency.event_loop import in_slices
from service.errors import InvalidRequest, PresignError
from service.multipart.completion import complete_upload
from service.multipart.requests import (
    Completion,
    NewUpload,
    PartSelection,
    Upload,
    UploadCreation,
)
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester, with_content_type
from service.presigning.results import (
    CompletedUpload,
    CreatedUpload,
    PresignedPart,
    PresignedParts,
    headers_to_send,
)
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.errors import NO_SUCH_UPLOAD, S3Error, invalid_response, to_domain_error
from service.s3.queries import S3Object
from service.s3.xml import created_upload
from service.signing.multipart_actions import UploadedPart, check_upload_id


class MultipartUploads:
    """Each method raises what `Authorizer.sign_and_audit` raises.

    Those that call the store also raise UploadNotFound, StorageRefused or StorageUnavailable.
    """

    def __init__(self, authorizer: Authorizer, store: S3Client) -> None:
        self._authorizer = authorizer
        self._store = store

    async def create(
        self, requester: Requester, request: NewUpload, part_numbers: Sequence[int] | None = None
    ) -> CreatedUpload:
        """Create an upload, and sign these parts; None means its first ones."""
        access, numbers = self._authorizer.access(requester), part_numbers
        request = with_content_type(request, access.grants)
        if numbers is None:
            numbers = request.first_parts(None if access.rate is None else access.rate.urls)
        store_access, upload_id = await self.begin(requester, request, urls=len(numbers))
        parts = await _sign(store_access, request.selection(upload_id, numbers))
        return CreatedUpload(
            upload_id, request.plan.part_size, request.plan.part_count, parts, store_access.validity
        )

    async def begin(
        self, requester: Requester, request: UploadCreation, urls: int = 0
    ) -> tuple[StoreAccess, str]:
        """Create an upload, and let `urls` parts be signed. Return what signs them, and its id.

        If the id cannot be used in later calls, aborts the upload and raises StorageRefused.
        """
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=urls
        )
        s3_object = S3Object(self._store, store_access, request.bucket, request.key)
        action = replace(request.action, encryption=store_access.encryption)
        try:
            reply = await s3_object.send(action)
        except S3Error as error:
            raise to_domain_error(error) from None
        upload_id = created_upload(reply.body)
        try:
            check_upload_id(upload_id)
        except InvalidRequest:
            abort = replace(request.store_request(), action="AbortMultipartUpload")
            await self._authorizer.record(requester, [(abort, request.key, store_access)])
            with suppress(PresignError, S3Error):
                await s3_object.abort_upload(upload_id)
            raise invalid_response() from None
        return store_access, upload_id

    async def sign_parts(self, requester: Requester, request: PartSelection) -> PresignedParts:
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=len(request.part_numbers)
        )
        return PresignedParts(await _sign(store_access, request), store_access.validity)

    async def parts(self, requester: Requester, upload: Upload) -> list[UploadedPart]:
        """Return the parts that the store has."""
        s3_object = await self._authorize(requester, upload, "ListParts")
        try:
            listed = await s3_object.list_parts(upload.upload_id)
        except S3Error as error:
            raise to_domain_error(error) from None
        return list({part.part_number: part for part in listed}.values())

    async def complete(self, requester: Requester, request: Completion) -> CompletedUpload:
        return await complete_upload(self._authorizer, self._store, requester, request)

    async def abort(self, requester: Requester, upload: Upload) -> None:
        s3_object = await self._authorize(requester, upload, "AbortMultipartUpload")
        try:
            await s3_object.abort_upload(upload.upload_id)
        except S3Error as error:
            # An earlier attempt without a response may have aborted the upload.
            if error.attempts == 1 or error.code != NO_SUCH_UPLOAD:
                raise to_domain_error(error) from None

    async def _authorize(self, requester: Requester, upload: Upload, action: str) -> S3Object:
        request = upload.store_request(action)
        store_access = await self._authorizer.authorize_store_call(requester, request)
        return S3Object(self._store, store_access, upload.bucket, upload.key)


async def _sign(store_access: StoreAccess, selection: PartSelection) -> list[PresignedPart]:
    return [
        PresignedPart(
            part_number=action.part_number,
            content_length=action.content_length,
            method=action.METHOD,
            url=store_access.presign(action, selection.upload.key),
            headers=headers_to_send(action.headers()),
        )
        async for action in in_slices(selection.actions())
    ]
