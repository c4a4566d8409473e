"""The second use case: uploads in parts. The parts' URLs are given out; the rest we do ourselves.

Rules of this file:
- Nothing of an upload is kept here: callers send along what a call needs, and the store is asked
  before anything is believed.
- What goes to the store stands in the audit trail by then.
"""

from contextlib import suppress
from dataclasses import replace

from service.errors import InvalidRequest, PresignError, StorageRefused
from service.multipart.completion import CompletionService
from service.multipart.requests import (
    Completion,
    NewUpload,
    PartWindow,
    UnknownLengthUpload,
    Upload,
)
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.results import (
    CompletedUpload,
    CreatedUpload,
    PresignedPart,
    PresignedParts,
    headers_to_send,
)
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.errors import NO_SUCH_UPLOAD, S3Error, to_domain_error
from service.s3.queries import list_parts
from service.s3.xml import created_upload
from service.signing.multipart_actions import AbortMultipartUpload, UploadedPart, check_upload_id


class MultipartUploads:
    def __init__(self, authorizer: Authorizer, store: S3Client) -> None:
        self._authorizer = authorizer
        self._store = store
        self._completions = CompletionService(authorizer, store)

    async def create(self, requester: Requester, request: NewUpload) -> CreatedUpload:
        """Begins an upload, and signs its first parts."""
        rate = self._authorizer.access(requester).rate
        numbers = request.first_parts(None if rate is None else rate.urls)
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=len(numbers)
        )
        upload_id = await create_upload(
            self._authorizer, self._store, requester, store_access, request
        )
        parts = _signed(store_access, request.window(upload_id, numbers))
        return CreatedUpload(
            upload_id, request.plan.part_size, request.plan.part_count, parts, store_access.validity
        )

    async def sign_parts(self, requester: Requester, request: PartWindow) -> PresignedParts:
        urls = len(request.part_numbers)
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request(), urls=urls
        )
        return PresignedParts(_signed(store_access, request), store_access.validity)

    async def parts(self, requester: Requester, upload: Upload) -> list[UploadedPart]:
        """What the store has already."""
        store_access = await self._authorizer.authorize_store_call(
            requester, upload.store_request("ListParts")
        )
        try:
            listed = await list_parts(
                self._store,
                store_access,
                bucket=upload.bucket,
                key=upload.key,
                upload_id=upload.upload_id,
            )
        except S3Error as refused:
            raise to_domain_error(refused) from None
        return list({part.part_number: part for part in listed}.values())

    async def complete(self, requester: Requester, request: Completion) -> CompletedUpload:
        """Makes the object of the parts, or tells of it if that was done before."""
        return await self._completions.complete(requester, request)

    async def abort(self, requester: Requester, upload: Upload) -> None:
        store_access = await self._authorizer.authorize_store_call(
            requester, upload.store_request("AbortMultipartUpload")
        )
        action = AbortMultipartUpload(upload_id=upload.upload_id)
        try:
            await self._store.send(store_access, action, bucket=upload.bucket, key=upload.key)
        except S3Error as refused:
            # An attempt that got no answer may have been the one that did it.
            if refused.attempts == 1 or refused.code != NO_SUCH_UPLOAD:
                raise to_domain_error(refused) from None


async def create_upload(
    authorizer: Authorizer,
    store: S3Client,
    requester: Requester,
    store_access: StoreAccess,
    request: NewUpload | UnknownLengthUpload,
) -> str:
    """Creates an upload at the store and returns its id.

    Aborts the upload again, and raises StorageRefused, if no later call could carry the id.
    """
    action = replace(request.action, encryption=store_access.encryption)
    try:
        reply = await store.send(store_access, action, bucket=request.bucket, key=request.key)
    except S3Error as refused:
        raise to_domain_error(refused) from None
    upload_id = created_upload(reply.body)
    try:
        check_upload_id(upload_id)
    except InvalidRequest:
        abort = replace(request.store_request(), action="AbortMultipartUpload")
        await authorizer.record(requester, [(abort, request.key, store_access)])
        with suppress(PresignError, S3Error):
            unusable = AbortMultipartUpload(upload_id=upload_id)
            await store.send(store_access, unusable, bucket=request.bucket, key=request.key)
        raise StorageRefused("The store's answer is not what S3 answers.") from None
    return upload_id


def _signed(store_access: StoreAccess, window: PartWindow) -> list[PresignedPart]:
    return [
        PresignedPart(
            part_number=action.part_number,
            content_length=action.content_length,
            method=action.METHOD,
            url=store_access.presign(action, window.upload.key),
            headers=headers_to_send(action),
        )
        for action in window.actions()
    ]
