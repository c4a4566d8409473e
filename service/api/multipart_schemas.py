"""The bodies and queries of multipart uploads. openapi.yaml has them with their descriptions."""

from typing import Annotated, ClassVar

from pydantic import MISSING, Field

from service.api import value_checks as of
from service.api.body import MAX_BATCH_BYTES
from service.api.schemas import (
    Bucket,
    Checksum,
    Digest,
    ETag,
    NewObjectRequest,
    ObjectRequest,
    ObjectSize,
    PartNumber,
    PartSize,
    StrictRequest,
    StringMap,
)
from service.multipart.requests import MAX_PARTS_PER_REQUEST
from service.signing.actions import ChecksumAlgorithm
from service.signing.multipart_actions import MAX_PARTS


class LengthFields(StrictRequest):
    """The exact length of an object, or the most bytes that it may have. One of them is given."""

    content_length: ObjectSize | MISSING = MISSING
    max_content_length: ObjectSize | MISSING = MISSING


class MultipartUploadRequest(NewObjectRequest, LengthFields):
    part_size: PartSize | MISSING = MISSING
    checksum_algorithm: ChecksumAlgorithm | MISSING = MISSING
    checksums: StringMap | MISSING = MISSING


class PartUrlsRequest(ObjectRequest, LengthFields):
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


class CompleteUploadRequest(LengthFields):
    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES  # of up to 10,000 parts
    value_checks: ClassVar[of.ValueChecks] = (of.KEY,)

    bucket: Bucket
    key: str
    parts: Annotated[list[CompletedPart], Field(min_length=1, max_length=MAX_PARTS, fail_fast=True)]
    checksum_algorithm: ChecksumAlgorithm | MISSING = MISSING
    checksum: Checksum | MISSING = MISSING
    overwrite: bool | MISSING = MISSING
