"""The request bodies of multipart uploads and object checks; `objects.py` has the rules."""

from typing import Annotated, ClassVar

from pydantic import MISSING, Field

from service.api.body import MAX_BATCH_BYTES
from service.api.schemas.objects import (
    Bucket,
    Checksum,
    Digest,
    NewObjectRequest,
    ObjectRequest,
    StrictRequest,
    StringMap,
    Text,
)
from service.multipart.requests import MAX_PARTS_PER_REQUEST
from service.signing.actions import ChecksumAlgorithm
from service.signing.multipart_actions import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIN_PART_BYTES,
)

ObjectSize = Annotated[int, Field(ge=1, le=MAX_OBJECT_BYTES)]
PartSize = Annotated[int, Field(ge=MIN_PART_BYTES, le=MAX_PART_BYTES)]
PartNumber = Annotated[int, Field(ge=1, le=MAX_PARTS)]
ETag = Annotated[str, Field(min_length=1, max_length=255, pattern=r'^"?[!#-~]+"?$')]


def quoted_etag(etag: str) -> str:
    """Return `etag` with quotes, which clients may leave out."""
    return '"' + etag.strip('"') + '"'


class MultipartUploadRequest(NewObjectRequest):
    content_length: ObjectSize
    part_size: PartSize | MISSING = MISSING
    checksum_algorithm: ChecksumAlgorithm | MISSING = MISSING
    checksums: StringMap | MISSING = MISSING


class PartUrlsRequest(ObjectRequest):
    content_length: ObjectSize
    part_size: PartSize
    part_numbers: (
        Annotated[list[PartNumber], Field(min_length=1, max_length=MAX_PARTS_PER_REQUEST)] | MISSING
    ) = MISSING
    first_part: PartNumber | MISSING = MISSING
    part_count: Annotated[int, Field(ge=1, le=MAX_PARTS_PER_REQUEST)] | MISSING = MISSING
    checksum_algorithm: ChecksumAlgorithm | MISSING = MISSING
    checksums: StringMap | MISSING = MISSING


class UploadQuery(StrictRequest):
    bucket: Bucket
    key: str


class CompletedPart(StrictRequest):
    part_number: PartNumber
    etag: ETag
    checksum: Digest | MISSING = MISSING


class CompleteUploadRequest(StrictRequest):
    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES  # of up to 10,000 parts

    bucket: Bucket
    key: str
    content_length: ObjectSize
    parts: Annotated[list[CompletedPart], Field(min_length=1, max_length=MAX_PARTS, fail_fast=True)]
    checksum_algorithm: ChecksumAlgorithm | MISSING = MISSING
    checksum: Checksum | MISSING = MISSING
    overwrite: bool | MISSING = MISSING


class ExpectedChecksum(StrictRequest):
    algorithm: ChecksumAlgorithm
    value: Annotated[
        str,
        Field(min_length=8, max_length=50, pattern=r"^[A-Za-z0-9+/]+={1,2}(-[1-9][0-9]{0,4})?$"),
    ]


class ObjectCheckRequest(StrictRequest):
    bucket: Bucket
    key: str
    content_length: Annotated[int, Field(ge=0, le=MAX_OBJECT_BYTES)] | MISSING = MISSING
    content_type: Text | MISSING = MISSING
    checksum: ExpectedChecksum | MISSING = MISSING
