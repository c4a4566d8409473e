"""The second use case: uploads in parts. The parts' URLs are given out; the rest we do ourselves.

Rules of this file:
- Nothing of an upload is kept here: callers send along what a call needs, and the store is asked
  before anything is believed.
- A part's URL fits its plan to the byte, but the plan is what a caller says, and may say otherwise
  the next time. So the parts that the store has are added up before they become an object.
- What goes to the store stands in the audit trail by then.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from service.answers import (
    CompletedUpload,
    CreatedUpload,
    Leave,
    PresignedPart,
    PresignedParts,
    headers_to_send,
)
from service.audit import Requester
from service.authority import Authority
from service.errors import (
    InvalidPart,
    InvalidRequest,
    LengthMismatch,
    PresignError,
    StorageRefused,
    StorageUnavailable,
)
from service.multipart_asks import Completion, NewUpload, PartWindow, Upload
from service.signing.multipart import (
    FULL_OBJECT_ALGORITHMS,
    MAX_PARTS,
    AbortMultipartUpload,
    ListParts,
    UploadedPart,
)
from service.signing.requests import Checksum
from service.signing.signer import Signable
from service.store.calls import Reply, StoreCalls
from service.store.documents import (
    PartsPage,
    completed_etag,
    completion,
    created_upload,
    parts_page,
)
from service.store.looking import look
from service.store.refusals import Refused, told

# S3 takes minutes for large objects: …/AmazonS3/latest/API/API_CompleteMultipartUpload.html
COMPLETE_SECONDS: Final = 300.0
LIST_SECONDS: Final = 60.0  # for all pages of an upload: ten, of most stores
_MD5 = re.compile('"([0-9a-f]{32})"')
_MAX_TOLD: Final = 20  # faults at once
_MAX_LISTED: Final = 2 * MAX_PARTS
_NOT_SURE: Final = frozenset({"NoSuchUpload", "PreconditionFailed", "412"})


class MultipartUploads:
    def __init__(self, authority: Authority, store: StoreCalls) -> None:
        self._authority = authority
        self._store = store

    async def create(self, requester: Requester, ask: NewUpload) -> CreatedUpload:
        """Begins an upload, and signs its first parts."""
        rate = self._authority.access(requester).rate
        numbers = ask.first_parts(None if rate is None else rate.urls)
        leave = await self._authority.leave(requester, ask.store_ask(), urls=len(numbers))
        action = replace(ask.action, encryption=leave.encryption)
        reply = await self._told(leave, action, bucket=ask.bucket, key=ask.key)
        upload_id = created_upload(reply.body)
        try:
            parts = _signed(leave, ask.window(upload_id, numbers))
        except InvalidRequest:  # an id that no query can hold
            raise StorageRefused("The store's answer is not what S3 answers.") from None
        return CreatedUpload(upload_id, ask.plan.part_size, ask.plan.part_count, parts, leave.term)

    async def sign_parts(self, requester: Requester, ask: PartWindow) -> PresignedParts:
        urls = len(ask.part_numbers)
        leave = await self._authority.leave(requester, ask.store_ask(), urls=urls)
        return PresignedParts(_signed(leave, ask), leave.term)

    async def parts(self, requester: Requester, upload: Upload) -> list[UploadedPart]:
        """What the store has already."""
        leave = await self._authority.leave(requester, upload.store_ask("ListParts"))
        try:
            listed = await self._listed(leave, upload)
        except Refused as refused:
            raise told(refused) from None
        return list({part.part_number: part for part in listed}.values())

    async def abort(self, requester: Requester, upload: Upload) -> None:
        leave = await self._authority.leave(requester, upload.store_ask("AbortMultipartUpload"))
        await self._abort(leave, upload)

    async def complete(self, requester: Requester, ask: Completion) -> CompletedUpload:
        """Makes the object of the parts, or tells of it if that was done before."""
        leave = await self._authority.leave(requester, ask.store_ask())
        try:
            known = await self._listed(leave, ask.upload)
        except Refused as refused:
            return await self._done_before(leave, ask, refused)
        parts = _named(ask, known)
        await self._check_length(leave, ask, sum(part.content_length for part in parts))
        try:
            return await self._assemble(leave, ask, parts)
        except Refused as refused:
            # An attempt that got no answer may have been the one that did it.
            if refused.attempts > 1 and refused.code in _NOT_SURE:
                return await self._done_before(leave, ask, refused)
            raise told(refused) from None

    async def _assemble(
        self, leave: Leave, ask: Completion, parts: Sequence[UploadedPart]
    ) -> CompletedUpload:
        reply = await self._store.send(
            leave,
            ask.action(),
            bucket=ask.upload.bucket,
            key=ask.upload.key,
            body=completion(parts),
            seconds=COMPLETE_SECONDS,
        )
        version_id = reply.headers.get("x-amz-version-id")
        return _completed(ask, completed_etag(reply.body), version_id)

    async def _done_before(
        self, leave: Leave, ask: Completion, refused: Refused
    ) -> CompletedUpload:
        """The object that stands, if it is the one that these parts make; else what was refused."""
        etag, found = _etag_of(ask.parts), None
        if refused.code in _NOT_SURE:
            with suppress(Refused, PresignError):  # who may not list cannot be told
                found = await look(self._store, leave, bucket=ask.upload.bucket, key=ask.upload.key)
        if found is None or (found.etag, found.content_length) != (etag, ask.content_length):
            raise told(refused) from None
        return _completed(ask, found.etag)

    async def _check_length(self, leave: Leave, ask: Completion, length: int) -> None:
        """Too few bytes can still be mended. Too many are more than was promised, and are let go."""
        if length < ask.content_length:
            detail = f"The parts have {length} bytes; send the missing ones and complete again."
            raise LengthMismatch(detail, pointer="#/content_length")
        if length > ask.content_length:
            detail = f"The parts have {length} bytes, more than promised: abort the upload."
            with suppress(PresignError):
                await self._abort(leave, ask.upload)
                detail = f"The parts have {length} bytes, more than promised: it was aborted."
            raise LengthMismatch(detail, pointer="#/content_length")

    async def _abort(self, leave: Leave, upload: Upload) -> None:
        action = AbortMultipartUpload(upload_id=upload.upload_id)
        try:
            await self._store.send(leave, action, bucket=upload.bucket, key=upload.key)
        except Refused as refused:
            # An attempt that got no answer may have been the one that did it.
            if refused.attempts == 1 or refused.code != "NoSuchUpload":
                raise told(refused) from None

    async def _listed(self, leave: Leave, upload: Upload) -> list[UploadedPart]:
        """Page by page. Each has a part at least that is new, so a store cannot keep us for ever.

        SeaweedFS lists a part that was sent again as it was before, too, and takes either.
        """
        parts: dict[tuple[int, str], UploadedPart] = {}
        after: int | None = 0
        try:
            async with asyncio.timeout(LIST_SECONDS):
                while after is not None and len(parts) <= _MAX_LISTED:
                    page, before = await self._page(leave, upload, after), len(parts)
                    parts |= {(part.part_number, part.etag): part for part in page.parts}
                    after = page.next_after if len(parts) > before else None
        except TimeoutError:
            detail = f"The store did not list the parts within {LIST_SECONDS:g} s."
            raise StorageUnavailable(detail) from None
        return sorted(parts.values(), key=lambda part: part.part_number)

    async def _page(self, leave: Leave, upload: Upload, after: int) -> PartsPage:
        action = ListParts(upload_id=upload.upload_id, after=after)
        reply = await self._store.send(leave, action, bucket=upload.bucket, key=upload.key)
        return await reply.read(parts_page)

    async def _told(self, leave: Leave, action: Signable, *, bucket: str, key: str) -> Reply:
        """Send it; what the store refuses is told in the contract's words."""
        try:
            return await self._store.send(leave, action, bucket=bucket, key=key)
        except Refused as refused:
            raise told(refused) from None


def _completed(ask: Completion, etag: str, version_id: str | None = None) -> CompletedUpload:
    return CompletedUpload(
        bucket=ask.upload.bucket,
        key=ask.upload.key,
        etag=etag,
        content_length=ask.content_length,
        version_id=version_id,
    )


def _signed(leave: Leave, window: PartWindow) -> list[PresignedPart]:
    return [
        PresignedPart(
            part_number=action.part_number,
            content_length=action.content_length,
            method=action.METHOD,
            url=leave.signer.presign(
                action,
                window.upload.key,
                now=leave.term.now,
                expires_in=leave.term.expires_in,
                tag=leave.tag,
            ),
            headers=headers_to_send(action),
        )
        for action in window.actions()
    ]


def _named(ask: Completion, listed: Sequence[UploadedPart]) -> list[UploadedPart]:
    """The parts that are asked for, as the store has them, with the checksums that it may not list."""
    known = {(part.part_number, part.etag): part for part in listed}
    numbers = {part.part_number for part in listed}
    pointers: dict[str, str] = {}
    for i, part in enumerate(ask.parts):
        if part.part_number not in numbers:
            pointers[f"#/parts/{i}/part_number"] = "The store has no such part."
        elif (has := known.get((part.part_number, part.etag))) is None:
            pointers[f"#/parts/{i}/etag"] = "The store has another etag for this part."
        elif None not in (has.checksum, part.checksum) and has.checksum != part.checksum:
            pointers[f"#/parts/{i}/checksum"] = "The store has another checksum for this part."
    if pointers:
        detail = "The store has not these parts; list them, and send what is missing."
        raise InvalidPart(detail, pointers=dict(list(pointers.items())[:_MAX_TOLD]))
    pairs = [(part, known[part.part_number, part.etag]) for part in ask.parts]
    return [
        replace(has, checksum=part.checksum or _of_a_digest_of_digests(has)) for part, has in pairs
    ]


def _of_a_digest_of_digests(part: UploadedPart) -> Checksum | None:
    """S3 wants these again. Of a CRC it knows the whole's, and may list one that nobody asked for."""
    if part.checksum is None or part.checksum.algorithm in FULL_OBJECT_ALGORITHMS:
        return None
    return part.checksum


def _etag_of(parts: Sequence[UploadedPart]) -> str | None:
    """The ETag of what the parts make: the MD5 of their MD5s, where their own ETags are these."""
    digests = [_MD5.fullmatch(part.etag) for part in parts]
    known = [digest[1] for digest in digests if digest is not None]
    if len(known) < len(parts):
        return None
    whole = hashlib.md5(bytes.fromhex("".join(known)), usedforsecurity=False).hexdigest()
    return f'"{whole}-{len(parts)}"'
