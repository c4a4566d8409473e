"""A multipart upload's actions, one dataclass for each, as in `actions.py`.

Callers get the URLs of parts. The service sends the other actions itself, except for Uppy.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from service.errors import InvalidRequest
from service.signing.actions import Checksum, ChecksumAlgorithm, NewObject, Query, S3Action
from service.signing.validation import check_header_value

# docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html, with the three below
MIN_PART_BYTES: Final = 5 * 1024**2  # except for the last part
MAX_PART_BYTES: Final = 5 * 1024**3
MAX_PARTS: Final = 10_000
MAX_OBJECT_BYTES: Final = MAX_PARTS * MAX_PART_BYTES  # 48.8 TiB
MAX_UPLOAD_ID_LENGTH: Final = 1024  # AWS documents no limit; its ids have about 130
# For a CRC the store can compute the whole object's checksum; for a SHA only that of the parts'
# checksums: …/userguide/checking-object-integrity-upload.html
FULL_OBJECT_ALGORITHMS: Final = frozenset({"CRC32", "CRC32C", "CRC64NVME"})

_PARTS_PER_PAGE: Final = 1000  # S3's maximum; other stores send 10,000 by default

_XML: Final = {"content-type": "application/xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedPart:
    """`etag` is in quotes. `checksum` has the upload's algorithm."""

    part_number: int
    etag: str
    content_length: int = 0
    checksum: Checksum | None = None


@dataclass(slots=True, kw_only=True)
class CreateMultipartUpload(NewObject):
    METHOD: ClassVar = "POST"

    checksum_algorithm: ChecksumAlgorithm | None = None

    def query(self) -> Query:
        return (("uploads", ""),)

    def headers(self) -> dict[str, str]:
        return self.object_headers() | self._checksum_headers()

    def _checksum_headers(self) -> dict[str, str]:
        if self.checksum_algorithm is None:
            return {}
        whole = self.checksum_algorithm in FULL_OBJECT_ALGORITHMS
        return {
            "x-amz-checksum-algorithm": self.checksum_algorithm,
            "x-amz-checksum-type": "FULL_OBJECT" if whole else "COMPOSITE",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPartOfUnknownLength(S3Action):
    """A part of any length up to 5 GiB: the completion checks the sum of the parts."""

    METHOD: ClassVar = "PUT"

    upload_id: str
    part_number: int

    def query(self) -> Query:
        return (("partNumber", str(self.part_number)), ("uploadId", self.upload_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPart(UploadPartOfUnknownLength):
    """A part of exactly `content_length` bytes."""

    content_length: int
    checksum: Checksum | None = None

    def headers(self) -> dict[str, str]:
        headers = {"content-length": str(self.content_length)}
        if self.checksum is not None:
            headers[self.checksum.header_name] = self.checksum.value
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class ListParts(S3Action):
    """A page of at most 1,000 parts, starting after part number `after`."""

    METHOD: ClassVar = "GET"

    upload_id: str
    after: int = 0

    def query(self) -> Query:
        return (
            ("max-parts", str(_PARTS_PER_PAGE)),
            ("part-number-marker", str(self.after)),
            ("uploadId", self.upload_id),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteMultipartUpload(S3Action):
    """Create-only unless `overwrite`. `checksum` and `content_length` are the whole object's."""

    METHOD: ClassVar = "POST"

    upload_id: str
    content_length: int
    overwrite: bool = False
    checksum: Checksum | None = None

    def __post_init__(self) -> None:
        if self.checksum is not None and self.checksum.algorithm not in FULL_OBJECT_ALGORITHMS:
            detail = (
                f"For the whole object, use one of {', '.join(sorted(FULL_OBJECT_ALGORITHMS))}."
            )
            raise InvalidRequest(detail, pointer="#/checksum/algorithm")

    def query(self) -> Query:
        return (("uploadId", self.upload_id),)

    def headers(self) -> dict[str, str]:
        headers = {**_XML, "x-amz-mp-object-size": str(self.content_length)}
        headers |= {} if self.overwrite else {"if-none-match": "*"}
        if self.checksum is not None:
            headers[self.checksum.header_name] = self.checksum.value
            headers["x-amz-checksum-type"] = "FULL_OBJECT"
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortMultipartUpload(S3Action):
    METHOD: ClassVar = "DELETE"

    upload_id: str

    def query(self) -> Query:
        return (("uploadId", self.upload_id),)


MultipartAction = (
    CreateMultipartUpload
    | UploadPartOfUnknownLength
    | UploadPart
    | ListParts
    | CompleteMultipartUpload
    | AbortMultipartUpload
)


def check_upload_id(upload_id: str) -> None:
    """Raises InvalidRequest unless the id is safe in URLs and in the audit trail."""
    if len(upload_id) > MAX_UPLOAD_ID_LENGTH:
        detail = f"An upload id has at most {MAX_UPLOAD_ID_LENGTH} characters."
        raise InvalidRequest(detail, pointer="#/upload_id")
    check_header_value(upload_id, pointer="#/upload_id")
    if "/" in upload_id:  # it would change the path of our own URLs
        raise InvalidRequest("An upload id cannot have a slash.", pointer="#/upload_id")
