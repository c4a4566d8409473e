"""Multipart uploads of MLflow's client, which reports neither the file's size nor the parts'.

Rules of this file:
- All URLs of an upload are signed at once, because the client cannot ask for more. So their
  lifetime is the longest that the grant and the session allow, and an upload has at most MAX_PARTS.
- A part's URL does not limit its length. The completion adds up the sizes at the store. If the sum
  is larger than granted, it aborts the upload.
- Each request comes with the caller's credentials, and is decided by the grants of that moment.
- An object is replaced if the grants allow it: MLflow has no way to ask for that, or not to.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from service.access.decisions import max_upload_size, may_overwrite
from service.access.grants import AccessRequest, Operation
from service.concurrency.event_loop import in_slices
from service.errors import InvalidRequest, UploadNotFound
from service.multipart.requests import Completion, Upload, UploadCreation
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester, with_content_type
from service.protocols.mlflow.paths import Artifact
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import (
    MAX_OBJECT_BYTES,
    CreateMultipartUpload,
    UploadedPart,
    UploadPartOfUnknownLength,
)
from service.signing.signer import MAX_EXPIRES_IN

MAX_PARTS: Final = 1000  # the client sends all URLs back: a completion of some 2 MiB
_TOO_MANY: Final = (
    f"A file has at most {MAX_PARTS} parts. Set MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE=104857600 for "
    "parts of 100 MiB, or more."
)
_LIFETIME: Final = Lifetime(expires_in=MAX_EXPIRES_IN)


@dataclass(frozen=True, slots=True)
class CreatedParts:
    """An upload, and the URLs of its parts in their order."""

    upload_id: str
    urls: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileParts:
    """Methods raise what `Authorizer.sign_and_audit` and `S3Client.send` raise."""

    authorizer: Authorizer
    uploads: MultipartUploads

    async def create(self, requester: Requester, wanted: Artifact, count: int) -> CreatedParts:
        """Create an upload, and sign `count` parts. Raises InvalidRequest for too many."""
        if count > MAX_PARTS:
            raise InvalidRequest(_TOO_MANY, pointer="#/num_parts")
        grants = self.authorizer.access(requester).grants
        new = UploadCreation(
            bucket=wanted.bucket,
            key=wanted.key,
            action=CreateMultipartUpload(),
            lifetime=_LIFETIME,
            content_type_given=False,
            overwrite=may_overwrite(grants, _access_request(wanted)),
        )
        request = with_content_type(new, grants)
        access, upload_id = await self.uploads.begin(requester, request, urls=count)
        parts = (
            UploadPartOfUnknownLength(upload_id=upload_id, part_number=number)
            for number in range(1, count + 1)
        )
        urls = [access.presign(part, wanted.key) async for part in in_slices(parts)]
        return CreatedParts(upload_id, urls)

    async def complete(
        self, requester: Requester, wanted: Artifact, upload_id: str, parts: Sequence[UploadedPart]
    ) -> None:
        """Make the object of its parts. Raises LengthMismatch if it would be too large."""
        grants, access_request = self.authorizer.access(requester).grants, _access_request(wanted)
        completion = Completion(
            upload=_upload(wanted, upload_id),
            content_length=max_upload_size(grants, access_request, MAX_OBJECT_BYTES),
            is_max_length=True,
            parts=parts,
            overwrite=may_overwrite(grants, access_request),
        )
        await self.uploads.complete(requester, completion)

    async def abort(self, requester: Requester, wanted: Artifact, upload_id: str) -> None:
        """Abort an upload, if there is one.

        The client aborts after each failure, and would show an error of the abort instead.
        """
        with suppress(UploadNotFound):
            await self.uploads.abort(requester, _upload(wanted, upload_id))


def _upload(wanted: Artifact, upload_id: str) -> Upload:
    return Upload(bucket=wanted.bucket, key=wanted.key, upload_id=upload_id)


def _access_request(wanted: Artifact) -> AccessRequest:
    return AccessRequest(
        operation=Operation.MULTIPART,
        bucket=wanted.bucket,
        key=wanted.key,
        checks_content_type=False,
    )
