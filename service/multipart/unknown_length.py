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
    UnsizedParts,
    UnsizedUpload,
    Upload,
)
from service.multipart.uploads import MultipartUploads, create_upload
from service.presigning.audit import Requester
from service.presigning.authorizer import Authority
from service.presigning.requests import StoreAsk
from service.presigning.results import CompletedUpload, PresignedRequest, headers_to_send
from service.s3.access import Leave
from service.s3.client import StoreCalls
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    ListParts,
    MultipartAction,
    UploadedPart,
)


class UnsizedUploads:
    def __init__(
        self, authority: Authority, store: StoreCalls, multipart: MultipartUploads
    ) -> None:
        self._authority = authority
        self._store = store
        self._multipart = multipart

    async def create(self, requester: Requester, ask: UnsizedUpload) -> str:
        """The id of the upload that was begun."""
        leave = await self._authority.leave(requester, ask.store_ask())
        return await create_upload(self._authority, self._store, requester, leave, ask)

    async def sign_create(self, requester: Requester, ask: UnsizedUpload) -> PresignedRequest:
        leave = await self._authority.leave(requester, ask.store_ask(), urls=1)
        return _signed(leave, replace(ask.action, encryption=leave.encryption), ask.key)

    async def sign_parts(self, requester: Requester, ask: UnsizedParts) -> list[PresignedRequest]:
        urls = len(ask.part_numbers)
        leave = await self._authority.leave(requester, ask.store_ask(), urls=urls)
        return [_signed(leave, action, ask.upload.key) for action in ask.actions()]

    async def sign_list(
        self, requester: Requester, upload: Upload, lifetime: Lifetime
    ) -> PresignedRequest:
        """Of the first thousand parts; who reads the list itself asks `MultipartUploads.parts`."""
        action = ListParts(upload_id=upload.upload_id)
        return await self._sign(requester, upload.store_ask("ListParts"), action, lifetime)

    async def sign_abort(
        self, requester: Requester, upload: Upload, lifetime: Lifetime
    ) -> PresignedRequest:
        ask, action = upload.store_ask("AbortMultipartUpload"), AbortMultipartUpload
        return await self._sign(requester, ask, action(upload_id=upload.upload_id), lifetime)

    async def complete(
        self, requester: Requester, upload: Upload, parts: Sequence[UploadedPart]
    ) -> CompletedUpload:
        """Makes the object of these parts."""
        sizes = {
            part.part_number: part.content_length
            for part in await self._multipart.parts(requester, upload)
        }
        length = sum(sizes.get(part.part_number, 0) for part in parts)
        ask = Completion(upload=upload, content_length=length, parts=parts)
        try:
            return await self._multipart.complete(requester, ask)
        except LimitExceeded:
            await self._let_go(requester, upload)
            raise

    async def sign_complete(
        self, requester: Requester, upload: Upload, lifetime: Lifetime
    ) -> PresignedRequest:
        """The end of an upload, of all the bytes that the store has by now, and of no more."""
        parts = await self._multipart.parts(requester, upload)
        length = sum(part.content_length for part in parts)
        ask = Completion(upload=upload, content_length=length, parts=parts)
        try:
            return await self._sign(requester, ask.store_ask(), ask.action(), lifetime)
        except LimitExceeded:
            await self._let_go(requester, upload)
            raise

    async def _sign(
        self, requester: Requester, ask: StoreAsk, action: MultipartAction, lifetime: Lifetime
    ) -> PresignedRequest:
        ask = replace(ask, lifetime=lifetime)
        leave = await self._authority.leave(requester, ask, urls=1)
        return _signed(leave, action, ask.key)

    async def _let_go(self, requester: Requester, upload: Upload) -> None:
        """These bytes can never become an object; the caller is told why, whatever comes of it."""
        with suppress(PresignError):
            await self._multipart.abort(requester, upload)


def _signed(leave: Leave, action: MultipartAction, key: str) -> PresignedRequest:
    return PresignedRequest(
        method=action.METHOD,
        url=leave.presign(action, key),
        headers=headers_to_send(action),
        term=leave.term,
        session=leave.session,
    )
