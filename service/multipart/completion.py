"""Completes a multipart upload: checks its parts, and has the store make the object of them.

Rules of this file:
- A part's URL fixes its size, but the plan comes from the caller and may differ in each call. So
  the sizes of the parts at the store are summed before they become an object.
- An error is final only if nobody else, another call or an attempt without a response, has
  completed the upload meanwhile.
- A repeated completion returns the existing object, if it is the one that these parts make.
- If the store cannot say whether the object exists, the answer is 503 or 504, which clients repeat.
  It is never `upload_not_found`: the object may exist.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidPart, LengthMismatch, PresignError, StorageRefused
from service.multipart.requests import Completion
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester
from service.presigning.results import AuthorizedStoreAccess, CompletedUpload
from service.s3.client import S3Client
from service.s3.errors import NO_SUCH_UPLOAD, S3Error, to_domain_error
from service.s3.queries import S3Object
from service.s3.xml import completed_etag, completion_body
from service.signing.actions import Checksum
from service.signing.multipart_actions import FULL_OBJECT_ALGORITHMS, UploadedPart

# S3 takes minutes for large objects: …/AmazonS3/latest/API/API_CompleteMultipartUpload.html
COMPLETE_SECONDS: Final = 300.0
MANY_PARTS: Final = 500  # takes about 2 ms
_GONE_CHECKS: Final = 5  # how often to check whether the upload is gone
_GONE_CHECK_SECONDS: Final = 0.2
_FORBIDDEN: Final = 403
_MD5 = re.compile('"([0-9a-f]{32})"')
_MAX_ERRORS: Final = 20


async def complete_upload(
    authorizer: Authorizer, store: S3Client, requester: Requester, request: Completion
) -> CompletedUpload:
    """Make the object of the parts, or return it if an earlier call has made it.

    Raises what `Authorizer.authorize_store_call` raises, and:
        InvalidPart: the store has other parts.
        LengthMismatch: the parts are too short, or too long; then the upload is aborted.
        UploadNotFound: there is no such upload, nor the object that it would have made.
        StorageRefused, StorageUnavailable: see `S3Client.send`.
    """
    upload = request.upload
    access = await authorizer.authorize_store_call(requester, request.store_request())
    s3_object = S3Object(store, access, upload.bucket, upload.key)
    return await _Completion(authorizer, requester, request, access, s3_object).complete()


@dataclass(frozen=True, slots=True)
class _Completion:
    authorizer: Authorizer
    requester: Requester
    request: Completion
    access: AuthorizedStoreAccess
    s3_object: S3Object

    async def complete(self) -> CompletedUpload:
        try:
            listed = await self.s3_object.list_parts(self.request.upload.upload_id)
        except S3Error as error:
            if error.code == NO_SUCH_UPLOAD:
                return await self._existing_or(to_domain_error(error), upload_is_gone=True)
            raise to_domain_error(error) from None
        try:
            is_long = len(listed) > MANY_PARTS
            parts = await run_in_thread_if(is_long, _match_parts, self.request, listed)
        except InvalidPart as error:  # SeaweedFS drops parts one by one while it completes
            return await self._existing_or(error)
        length = sum(part.content_length for part in parts)
        await self._check_length(length)
        try:
            return await self._assemble(parts, length)
        except S3Error as error:
            # Another call, or an attempt without a response, may have completed the upload.
            is_gone = error.code == NO_SUCH_UPLOAD
            return await self._existing_or(to_domain_error(error), upload_is_gone=is_gone)

    async def _check_length(self, length: int) -> None:
        """Raises LengthMismatch. With too many bytes, the upload is aborted."""
        request = self.request
        field = "max_content_length" if request.is_max_length else "content_length"
        if length < request.content_length and not request.is_max_length:
            detail = f"The parts have {length} bytes; send the missing ones and complete again."
            raise LengthMismatch(detail, pointer=f"#/{field}")
        if length > request.content_length:
            hint = "Abort the upload."
            abort = self.request.upload.store_request("AbortMultipartUpload")
            outcome = (abort, abort.key, self.access)
            await self.authorizer.record(self.requester, [outcome])
            with suppress(PresignError, S3Error):
                await self.s3_object.abort_upload(self.request.upload.upload_id)
                hint = "The upload was aborted."
            detail = f"The parts have {length} bytes, more than {field}. {hint}"
            raise LengthMismatch(detail, pointer=f"#/{field}")

    async def _assemble(self, parts: Sequence[UploadedPart], length: int) -> CompletedUpload:
        body = await run_in_thread_if(len(parts) > MANY_PARTS, completion_body, parts)
        action = replace(self.request.action(), content_length=length)
        reply = await self.s3_object.send(action, body=body, seconds=COMPLETE_SECONDS)
        version_id = reply.headers.get("x-amz-version-id")
        return self._completed(completed_etag(reply.body), length, version_id)

    async def _existing_or(
        self, error: PresignError, *, upload_is_gone: bool = False
    ) -> CompletedUpload:
        """Return the existing object if this upload has made it; else raise `error`."""
        existing = await self._matching_object()
        if existing is None or not (upload_is_gone or await self._upload_is_gone()):
            raise error from None
        return existing

    async def _matching_object(self) -> CompletedUpload | None:
        """Return the object if it is what these parts make.

        Returns None, too, if the session may not list, since then nothing is known. Raises a
        PresignError if the store does not answer: the completion may have succeeded.
        """
        request = self.request
        try:
            found = await self.s3_object.find()
        except S3Error as error:
            problem = to_domain_error(error)
            if error.status == _FORBIDDEN and isinstance(problem, StorageRefused):
                return None
            raise problem from None
        if found is None:
            return None
        if found.content_length != request.content_length and not request.is_max_length:
            return None  # with a maximum, the etag alone decides: it is made of the parts' etags
        is_long = len(request.parts) > MANY_PARTS
        if found.etag != await run_in_thread_if(is_long, _multipart_etag, request.parts):
            return None
        return self._completed(found.etag, found.content_length)

    async def _upload_is_gone(self) -> bool:
        """If it is not gone, another upload made the same object, and this one did not succeed."""
        for _ in range(_GONE_CHECKS):  # a store may have the object before it drops the upload
            try:
                await self.s3_object.list_parts(self.request.upload.upload_id)
            except S3Error as error:
                return error.code == NO_SUCH_UPLOAD
            await asyncio.sleep(_GONE_CHECK_SECONDS)
        return False

    def _completed(
        self, etag: str, content_length: int, version_id: str | None = None
    ) -> CompletedUpload:
        return CompletedUpload(
            bucket=self.s3_object.bucket,
            key=self.s3_object.key,
            etag=etag,
            content_length=content_length,
            version_id=version_id,
        )


def _match_parts(request: Completion, listed: Sequence[UploadedPart]) -> list[UploadedPart]:
    """Return the requested parts with the store's sizes and all known checksums.

    Raises InvalidPart if the store has other parts.
    """
    known = {(part.part_number, part.etag): part for part in listed}
    numbers = {part.part_number for part in listed}
    parts: list[UploadedPart] = []
    errors: dict[str, str] = {}
    for i, part in enumerate(request.parts):
        if part.part_number not in numbers:
            errors[f"#/parts/{i}/part_number"] = "The store has no such part."
        elif (found := known.get((part.part_number, part.etag))) is None:
            errors[f"#/parts/{i}/etag"] = "The store has another etag for this part."
        elif None not in (found.checksum, part.checksum) and found.checksum != part.checksum:
            errors[f"#/parts/{i}/checksum"] = "The store has another checksum for this part."
        else:
            checksum = part.checksum or _composite_checksum(found)
            parts.append(replace(found, checksum=checksum))
    if errors:
        detail = "The store does not have these parts. List them, and send the missing ones."
        raise InvalidPart(detail, pointers=dict(islice(errors.items(), _MAX_ERRORS)))
    return parts


def _composite_checksum(part: UploadedPart) -> Checksum | None:
    """Return the part's checksum if the object's is composite: S3 requires it to be sent again.

    Full-object checksums need not be sent, and S3 may list one that the caller did not ask for.
    """
    if part.checksum is None or part.checksum.algorithm in FULL_OBJECT_ALGORITHMS:
        return None
    return part.checksum


def _multipart_etag(parts: Sequence[UploadedPart]) -> str | None:
    """Return the object's ETag, the MD5 of the parts' MD5s; None if a part's ETag is not an MD5."""
    digests = [match[1] for part in parts if (match := _MD5.fullmatch(part.etag))]
    if len(digests) < len(parts):
        return None
    digest = hashlib.md5(bytes.fromhex("".join(digests)), usedforsecurity=False).hexdigest()
    return f'"{digest}-{len(parts)}"'
