"""The second use case: uploads in parts. The parts' URLs are given out; the rest we do ourselves.

Rules of this file:
- Nothing of an upload is kept here: callers send along what a call needs, and the store is asked
  before anything is believed.
- What goes to the store stands in the audit trail by then.
"""

from contextlib import suppress
from dataclasses import replace

from service.errors import InvalidRequest, PresignError, StorageRefused
from service.multipart.completion import Completions
from service.multipart.requests import (
    Completion,
    NewUpload,
    PartWindow,
    UnsizedUpload,
    Upload,
)
from service.presigning.audit import Requester
from service.presigning.authorizer import Authority
from service.presigning.results import (
    CompletedUpload,
    CreatedUpload,
    PresignedPart,
    PresignedParts,
    headers_to_send,
)
from service.s3.access import Leave
from service.s3.client import StoreCalls
from service.s3.errors import GONE, Refused, told
from service.s3.queries import parts_of
from service.s3.xml import created_upload
from service.signing.multipart_actions import AbortMultipartUpload, UploadedPart, check_upload_id


class MultipartUploads:
    def __init__(self, authority: Authority, store: StoreCalls) -> None:
        self._authority = authority
        self._store = store
        self._completions = Completions(authority, store)

    async def create(self, requester: Requester, ask: NewUpload) -> CreatedUpload:
        """Begins an upload, and signs its first parts."""
        rate = self._authority.access(requester).rate
        numbers = ask.first_parts(None if rate is None else rate.urls)
        leave = await self._authority.leave(requester, ask.store_ask(), urls=len(numbers))
        upload_id = await create_upload(self._authority, self._store, requester, leave, ask)
        parts = _signed(leave, ask.window(upload_id, numbers))
        return CreatedUpload(upload_id, ask.plan.part_size, ask.plan.part_count, parts, leave.term)

    async def sign_parts(self, requester: Requester, ask: PartWindow) -> PresignedParts:
        urls = len(ask.part_numbers)
        leave = await self._authority.leave(requester, ask.store_ask(), urls=urls)
        return PresignedParts(_signed(leave, ask), leave.term)

    async def parts(self, requester: Requester, upload: Upload) -> list[UploadedPart]:
        """What the store has already."""
        leave = await self._authority.leave(requester, upload.store_ask("ListParts"))
        try:
            listed = await parts_of(
                self._store,
                leave,
                bucket=upload.bucket,
                key=upload.key,
                upload_id=upload.upload_id,
            )
        except Refused as refused:
            raise told(refused) from None
        return list({part.part_number: part for part in listed}.values())

    async def complete(self, requester: Requester, ask: Completion) -> CompletedUpload:
        """Makes the object of the parts, or tells of it if that was done before."""
        return await self._completions.complete(requester, ask)

    async def abort(self, requester: Requester, upload: Upload) -> None:
        leave = await self._authority.leave(requester, upload.store_ask("AbortMultipartUpload"))
        action = AbortMultipartUpload(upload_id=upload.upload_id)
        try:
            await self._store.send(leave, action, bucket=upload.bucket, key=upload.key)
        except Refused as refused:
            # An attempt that got no answer may have been the one that did it.
            if refused.attempts == 1 or refused.code != GONE:
                raise told(refused) from None


async def create_upload(
    authority: Authority,
    store: StoreCalls,
    requester: Requester,
    leave: Leave,
    ask: NewUpload | UnsizedUpload,
) -> str:
    """Creates an upload at the store and returns its id.

    Aborts the upload again, and raises StorageRefused, if no later call could carry the id.
    """
    action = replace(ask.action, encryption=leave.encryption)
    try:
        reply = await store.send(leave, action, bucket=ask.bucket, key=ask.key)
    except Refused as refused:
        raise told(refused) from None
    upload_id = created_upload(reply.body)
    try:
        check_upload_id(upload_id)
    except InvalidRequest:
        abort = replace(ask.store_ask(), action="AbortMultipartUpload")
        await authority.record(requester, [(abort, ask.key, leave)])
        with suppress(PresignError, Refused):
            unusable = AbortMultipartUpload(upload_id=upload_id)
            await store.send(leave, unusable, bucket=ask.bucket, key=ask.key)
        raise StorageRefused("The store's answer is not what S3 answers.") from None
    return upload_id


def _signed(leave: Leave, window: PartWindow) -> list[PresignedPart]:
    return [
        PresignedPart(
            part_number=action.part_number,
            content_length=action.content_length,
            method=action.METHOD,
            url=leave.presign(action, window.upload.key),
            headers=headers_to_send(action),
        )
        for action in window.actions()
    ]
