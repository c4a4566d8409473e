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

from service.concurrency.event_loop import off_loop
from service.errors import InvalidPart, LengthMismatch, PresignError, StorageRefused
from service.multipart.requests import Completion
from service.presigning.audit import Requester
from service.presigning.authorizer import Authority
from service.presigning.results import CompletedUpload
from service.s3.access import Leave
from service.s3.client import StoreCalls
from service.s3.errors import GONE, Refused, told
from service.s3.queries import look, parts_of
from service.s3.xml import Listed, completed_etag, completion
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


class Completing:
    """One completion, by leave."""

    def __init__(self, store: StoreCalls, leave: Leave, ask: Completion) -> None:
        self._store = store
        self._leave = leave
        self._ask = ask
        self._bucket, self._key = ask.upload.bucket, ask.upload.key

    async def listed(self) -> list[UploadedPart]:
        return await parts_of(
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
            body=await off_loop(is_long, completion, parts),
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

    async def done_otherwise(self, why: PresignError, *, gone: bool = False) -> CompletedUpload:
        """The object that stands, if these parts have made it; else the refusal `why`.

        `gone`: the upload is known to be no more.
        """
        stands = await self._standing()
        if stands is None or not (gone or await self._is_over()):
            raise why from None
        return stands

    async def _standing(self) -> CompletedUpload | None:
        """The object under the key, if it is what these parts make."""
        found = await self._found()
        if found is None or found.content_length != self._ask.content_length:
            return None
        is_long = len(self._ask.parts) > MANY_PARTS
        if found.etag != await off_loop(is_long, _etag_of, self._ask.parts):
            return None
        return _completed(self._ask, found.etag)

    async def _found(self) -> Listed | None:
        """The object under the key. None if the session may not list, since then nothing is known.

        Raises a PresignError if the store gives no answer: the completion may have succeeded.
        """
        try:
            return await look(self._store, self._leave, bucket=self._bucket, key=self._key)
        except Refused as refused:
            problem = told(refused)
            if refused.status == _FORBIDDEN and isinstance(problem, StorageRefused):
                return None
            raise problem from None

    async def _is_over(self) -> bool:
        """Whether the upload is gone. Else another made the same object, and that is no success."""
        for _ in range(_LOOKS):  # a store may have the object before it forgets the upload
            try:
                await self.listed()
            except Refused as again:
                return again.code == GONE
            await asyncio.sleep(_PAUSE)
        return False


class Completions:
    def __init__(self, authority: Authority, store: StoreCalls) -> None:
        self._authority = authority
        self._store = store

    async def complete(self, requester: Requester, ask: Completion) -> CompletedUpload:
        """Makes the object of the parts, or tells of it if that was done before."""
        leave = await self._authority.leave(requester, ask.store_ask())
        completing = Completing(self._store, leave, ask)
        try:
            known = await completing.listed()
        except Refused as refused:
            if refused.code == GONE:
                return await completing.done_otherwise(told(refused), gone=True)
            raise told(refused) from None
        try:
            parts = await off_loop(len(known) > MANY_PARTS, _named, ask, known)
        except InvalidPart as missing:  # SeaweedFS drops parts one by one while it completes
            return await completing.done_otherwise(missing)
        await self._check_length(requester, completing, ask, leave, parts)
        try:
            return await completing.assemble(parts)
        except Refused as refused:
            # Another call, or an attempt that got no answer, may have been the one that did it.
            return await completing.done_otherwise(told(refused), gone=refused.code == GONE)

    async def _check_length(
        self,
        requester: Requester,
        completing: Completing,
        ask: Completion,
        leave: Leave,
        parts: Sequence[UploadedPart],
    ) -> None:
        """Too few bytes can still be mended. Too many are more than was promised, and are let go."""
        length = sum(part.content_length for part in parts)
        if length < ask.content_length:
            detail = f"The parts have {length} bytes; send the missing ones and complete again."
            raise LengthMismatch(detail, pointer="#/content_length")
        if length > ask.content_length:
            detail = f"The parts have {length} bytes, more than promised: abort the upload."
            abort = ask.upload.store_ask("AbortMultipartUpload")
            await self._authority.record(requester, [(abort, abort.key, leave)])
            with suppress(PresignError, Refused):
                await completing.abort()
                detail = f"The parts have {length} bytes, more than promised: it was aborted."
            raise LengthMismatch(detail, pointer="#/content_length")


def _completed(ask: Completion, etag: str, version_id: str | None = None) -> CompletedUpload:
    return CompletedUpload(
        bucket=ask.upload.bucket,
        key=ask.upload.key,
        etag=etag,
        content_length=ask.content_length,
        version_id=version_id,
    )


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
