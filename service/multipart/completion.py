"""The end of an upload: its parts become an object, once it is sure what they are.

Rules of this file:
- A part's URL fits its plan to the byte, but the plan is what a caller says, and may say otherwise
  the next time. So the parts that the store has are added up before they become an object.
- A refusal is believed only if nobody else, another call or a lost attempt, has done it meanwhile.
- Who repeats a completion is told of the object that stands, if it is the one that these parts make.
- If the store cannot be asked for that object, the answer is 503 or 504, which clients repeat. It is
  never `upload_not_found`: the object may be there.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidPart, LengthMismatch, PresignError, StorageRefused
from service.multipart.requests import Completion
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.results import CompletedUpload
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.errors import NO_SUCH_UPLOAD, S3Error, to_domain_error
from service.s3.queries import find_object, list_parts
from service.s3.xml import ListedObject, completed_etag, completion_body
from service.signing.actions import Checksum
from service.signing.multipart_actions import (
    FULL_OBJECT_ALGORITHMS,
    AbortMultipartUpload,
    UploadedPart,
)

# S3 takes minutes for large objects: …/AmazonS3/latest/API/API_CompleteMultipartUpload.html
COMPLETE_SECONDS: Final = 300.0
MANY_PARTS: Final = 500  # some 2 ms of work
_LOOKS: Final = 5  # at whether the upload is gone, where the object stands already
_PAUSE: Final = 0.2
_FORBIDDEN: Final = 403
_MD5 = re.compile('"([0-9a-f]{32})"')
_MAX_TOLD: Final = 20  # faults at once


class CompletionAttempt:
    """One completion, by leave."""

    def __init__(self, store: S3Client, store_access: StoreAccess, request: Completion) -> None:
        self._store = store
        self._leave = store_access
        self._ask = request
        self._bucket, self._key = request.upload.bucket, request.upload.key

    async def listed(self) -> list[UploadedPart]:
        return await list_parts(
            self._store,
            self._leave,
            bucket=self._bucket,
            key=self._key,
            upload_id=self._ask.upload.upload_id,
        )

    async def assemble(self, parts: Sequence[UploadedPart]) -> CompletedUpload:
        is_long = len(parts) > MANY_PARTS
        reply = await self._store.send(
            self._leave,
            self._ask.action(),
            body=await run_in_thread_if(is_long, completion_body, parts),
            seconds=COMPLETE_SECONDS,
            bucket=self._bucket,
            key=self._key,
        )
        return _completed(
            self._ask, completed_etag(reply.body), reply.headers.get("x-amz-version-id")
        )

    async def abort(self) -> None:
        action = AbortMultipartUpload(upload_id=self._ask.upload.upload_id)
        await self._store.send(self._leave, action, bucket=self._bucket, key=self._key)

    async def resolve_existing(self, why: PresignError, *, gone: bool = False) -> CompletedUpload:
        """The object that stands, if these parts have made it; else the refusal `why`.

        `gone`: the upload is known to be no more.
        """
        is_current = await self._matching_object()
        if is_current is None or not (gone or await self._is_over()):
            raise why from None
        return is_current

    async def _matching_object(self) -> CompletedUpload | None:
        """The object under the key, if it is what these parts make."""
        found = await self._found()
        if found is None or found.content_length != self._ask.content_length:
            return None
        is_long = len(self._ask.parts) > MANY_PARTS
        if found.etag != await run_in_thread_if(is_long, _etag_of, self._ask.parts):
            return None
        return _completed(self._ask, found.etag)

    async def _found(self) -> ListedObject | None:
        """The object under the key. None if the session may not list, since then nothing is known.

        Raises a PresignError if the store gives no answer: the completion may have succeeded.
        """
        try:
            return await find_object(self._store, self._leave, bucket=self._bucket, key=self._key)
        except S3Error as refused:
            problem = to_domain_error(refused)
            if refused.status == _FORBIDDEN and isinstance(problem, StorageRefused):
                return None
            raise problem from None

    async def _is_over(self) -> bool:
        """Whether the upload is gone. Else another made the same object, and that is no success."""
        for _ in range(_LOOKS):  # a store may have the object before it forgets the upload
            try:
                await self.listed()
            except S3Error as again:
                return again.code == NO_SUCH_UPLOAD
            await asyncio.sleep(_PAUSE)
        return False


class CompletionService:
    def __init__(self, authorizer: Authorizer, store: S3Client) -> None:
        self._authorizer = authorizer
        self._store = store

    async def complete(self, requester: Requester, request: Completion) -> CompletedUpload:
        """Makes the object of the parts, or tells of it if that was done before."""
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request()
        )
        completing = CompletionAttempt(self._store, store_access, request)
        try:
            known = await completing.listed()
        except S3Error as refused:
            if refused.code == NO_SUCH_UPLOAD:
                return await completing.resolve_existing(to_domain_error(refused), gone=True)
            raise to_domain_error(refused) from None
        try:
            parts = await run_in_thread_if(len(known) > MANY_PARTS, _named, request, known)
        except InvalidPart as missing:  # SeaweedFS drops parts one by one while it completes
            return await completing.resolve_existing(missing)
        await self._check_length(requester, completing, request, store_access, parts)
        try:
            return await completing.assemble(parts)
        except S3Error as refused:
            # Another call, or an attempt that got no answer, may have been the one that did it.
            return await completing.resolve_existing(
                to_domain_error(refused), gone=refused.code == NO_SUCH_UPLOAD
            )

    async def _check_length(
        self,
        requester: Requester,
        completing: CompletionAttempt,
        request: Completion,
        store_access: StoreAccess,
        parts: Sequence[UploadedPart],
    ) -> None:
        """Too few bytes can still be mended. Too many are more than was promised, and are let go."""
        length = sum(part.content_length for part in parts)
        if length < request.content_length:
            detail = f"The parts have {length} bytes; send the missing ones and complete again."
            raise LengthMismatch(detail, pointer="#/content_length")
        if length > request.content_length:
            detail = f"The parts have {length} bytes, more than promised: abort the upload."
            abort = request.upload.store_request("AbortMultipartUpload")
            await self._authorizer.record(requester, [(abort, abort.key, store_access)])
            with suppress(PresignError, S3Error):
                await completing.abort()
                detail = f"The parts have {length} bytes, more than promised: it was aborted."
            raise LengthMismatch(detail, pointer="#/content_length")


def _completed(request: Completion, etag: str, version_id: str | None = None) -> CompletedUpload:
    return CompletedUpload(
        bucket=request.upload.bucket,
        key=request.upload.key,
        etag=etag,
        content_length=request.content_length,
        version_id=version_id,
    )


def _named(request: Completion, listed: Sequence[UploadedPart]) -> list[UploadedPart]:
    """The parts that are asked for, as the store has them, with the checksums that it may not list."""
    known = {(part.part_number, part.etag): part for part in listed}
    numbers = {part.part_number for part in listed}
    pointers: dict[str, str] = {}
    for i, part in enumerate(request.parts):
        if part.part_number not in numbers:
            pointers[f"#/parts/{i}/part_number"] = "The store has no such part."
        elif (has := known.get((part.part_number, part.etag))) is None:
            pointers[f"#/parts/{i}/etag"] = "The store has another etag for this part."
        elif None not in (has.checksum, part.checksum) and has.checksum != part.checksum:
            pointers[f"#/parts/{i}/checksum"] = "The store has another checksum for this part."
    if pointers:
        detail = "The store does not have these parts. List them, and send the missing ones."
        raise InvalidPart(detail, pointers=dict(list(pointers.items())[:_MAX_TOLD]))
    pairs = [(part, known[part.part_number, part.etag]) for part in request.parts]
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
