"""What can be signed: one dataclass for each S3 action.

An action holds everything except the key. So a request is rendered once for all keys (`signer.py`).
Constructors raise InvalidRequest for values that cannot be sent byte for byte; later code does not
check again. No action has an ACL: none is ever signed.

An upload's properties are signed headers, which the store enforces. In the query it would not: S3
does not compare a checksum there with the body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Literal

from service.errors import InvalidRequest
from service.signing.metadata import Pairs, check_metadata
from service.signing.tags import Tags, check_tags, tagging_header
from service.signing.validation import check_header_value, check_media_type, check_text

Query = tuple[tuple[str, str], ...]

MAX_UPLOAD_BYTES: Final = 5 * 1024**3  # docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"

ChecksumAlgorithm = Literal["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
CHECKSUM_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
)

# The exact length for each algorithm: a letter has six bits, and `=` pads to a multiple of four.
_BASE64: Final = {
    name: re.compile(f"[A-Za-z0-9+/]{{{-(-size * 8 // 6)}}}{'=' * (-size % 3)}")
    for name, size in CHECKSUM_BYTES.items()
}


@dataclass(slots=True, kw_only=True)
class Checksum:  # not frozen, as all that never comes twice: see presigning/requests.py
    """`value` is base64. The store compares it with the body that it receives."""

    algorithm: ChecksumAlgorithm
    value: str

    def __post_init__(self) -> None:
        check_digest(self.algorithm, self.value, pointer="#/checksum/value")

    @property
    def header_name(self) -> str:
        return f"x-amz-checksum-{self.algorithm.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """How the store encrypts a bucket's uploads. It is signed into every upload."""

    algorithm: Literal["AES256", "aws:kms", "aws:kms:dsse"]
    kms_key_id: str | None = None

    def __post_init__(self) -> None:
        _check_headers(kms_key_id=self.kms_key_id)

    def headers(self) -> dict[str, str]:
        headers: dict[str, str] = {"x-amz-server-side-encryption": self.algorithm}
        if self.kms_key_id is not None:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = self.kms_key_id
        return headers


class S3Action:
    """The query and the headers of an action; none unless it says so."""

    __slots__ = ()

    def query(self) -> Query:
        return ()

    def headers(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read(S3Action):
    """An object's version, and the response headers that replace the object's own."""

    version_id: str | None = None
    content_type: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None

    def __post_init__(self) -> None:
        if self.content_type is not None:
            check_media_type(self.content_type, pointer="#/content_type")
        _check_headers(cache_control=self.cache_control)
        _check_texts(version_id=self.version_id)

    def query(self) -> Query:
        return _present(
            ("versionId", self.version_id),
            ("response-content-type", self.content_type),
            ("response-content-disposition", self.content_disposition),
            ("response-cache-control", self.cache_control),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GetObject(_Read):
    METHOD: ClassVar = "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadObject(_Read):
    """With `checksums`, the response has the object's checksums."""

    METHOD: ClassVar = "HEAD"

    checksums: bool = False

    def headers(self) -> dict[str, str]:
        return {"x-amz-checksum-mode": "ENABLED"} if self.checksums else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteObject(S3Action):
    METHOD: ClassVar = "DELETE"

    version_id: str | None = None

    def __post_init__(self) -> None:
        _check_texts(version_id=self.version_id)

    def query(self) -> Query:
        return _present(("versionId", self.version_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListObjects(S3Action):
    """ListObjectsV2. It addresses the bucket: sign it with an empty key."""

    METHOD: ClassVar = "GET"

    prefix: str
    delimiter: str | None = None
    max_keys: int | None = None
    continuation_token: str | None = None
    encoding_type: Literal["url"] | None = None
    start_after: str | None = None  # any key, so it may have control characters

    def __post_init__(self) -> None:
        _check_texts(delimiter=self.delimiter, continuation_token=self.continuation_token)

    def query(self) -> Query:
        return _present(
            ("list-type", "2"),
            ("prefix", self.prefix),
            ("delimiter", self.delimiter),
            ("encoding-type", self.encoding_type),
            ("max-keys", None if self.max_keys is None else str(self.max_keys)),
            ("continuation-token", self.continuation_token),
            ("start-after", self.start_after),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListObjectVersions(S3Action):
    """A page of versions after the last page's markers. Sign it with an empty key."""

    METHOD: ClassVar = "GET"

    prefix: str
    delimiter: str | None = None
    max_keys: int | None = None
    key_marker: str | None = None
    version_id_marker: str | None = None

    def __post_init__(self) -> None:
        _check_texts(delimiter=self.delimiter)

    def query(self) -> Query:
        return _present(
            ("prefix", self.prefix),
            ("delimiter", self.delimiter),
            ("encoding-type", "url"),  # XML cannot represent some keys
            ("key-marker", self.key_marker),
            ("max-keys", None if self.max_keys is None else str(self.max_keys)),
            ("version-id-marker", self.version_id_marker),
            ("versions", ""),
        )


@dataclass(slots=True, kw_only=True)
class NewObject(S3Action):
    """Properties of a new object, in one piece or in parts."""

    content_type: str = DEFAULT_CONTENT_TYPE
    metadata: Pairs = ()
    tags: Tags = ()
    content_disposition: str | None = None
    cache_control: str | None = None
    content_encoding: str | None = None
    storage_class: str | None = None
    encryption: Encryption | None = None

    def __post_init__(self) -> None:
        check_media_type(self.content_type, pointer="#/content_type")
        _check_headers(
            content_disposition=self.content_disposition,
            cache_control=self.cache_control,
            content_encoding=self.content_encoding,
            storage_class=self.storage_class,
        )
        check_metadata(self.metadata)
        check_tags(self.tags)

    def object_headers(self) -> dict[str, str]:
        headers = {"content-type": self.content_type}
        for name, value in self.metadata:
            headers[f"x-amz-meta-{name}"] = value
        if self.content_disposition is not None:
            headers["content-disposition"] = self.content_disposition
        if self.cache_control is not None:
            headers["cache-control"] = self.cache_control
        if self.content_encoding is not None:
            headers["content-encoding"] = self.content_encoding
        if self.storage_class is not None:
            headers["x-amz-storage-class"] = self.storage_class
        if self.tags:
            headers["x-amz-tagging"] = tagging_header(self.tags)
        if self.encryption is not None:
            headers |= self.encryption.headers()
        return headers


@dataclass(slots=True, kw_only=True)
class PutObject(NewObject):
    """An upload of exactly `content_length` bytes of one type. Create-only unless `overwrite`.

    `if_match` is the ETag, in quotes, of the object that may be replaced.
    """

    METHOD: ClassVar = "PUT"

    content_length: int
    overwrite: bool = False
    if_match: str | None = None
    checksum: Checksum | None = None

    def __post_init__(self) -> None:
        NewObject.__post_init__(self)  # `super()` does not work in a dataclass with slots
        _check_headers(if_match=self.if_match)

    def headers(self) -> dict[str, str]:
        headers = {"content-length": str(self.content_length)}
        if self.if_match is not None:
            headers["if-match"] = self.if_match
        elif not self.overwrite:
            headers["if-none-match"] = "*"
        if self.checksum is not None:
            headers[self.checksum.header_name] = self.checksum.value
        return headers | self.object_headers()


def check_digest(algorithm: ChecksumAlgorithm, value: str, *, pointer: str) -> None:
    if _BASE64[algorithm].fullmatch(value) is None:
        detail = f"{algorithm} is {CHECKSUM_BYTES[algorithm]} bytes in base64."
        raise InvalidRequest(detail, pointer=pointer)


Action = GetObject | HeadObject | DeleteObject | ListObjects | PutObject


def _check_texts(**values: str | None) -> None:
    for name, value in values.items():
        if value is not None:
            check_text(value, pointer=f"#/{name}")


def _check_headers(**values: str | None) -> None:
    for name, value in values.items():
        if value is not None:
            check_header_value(value, pointer=f"#/{name}")


def _present(*pairs: tuple[str, str | None]) -> Query:
    return tuple((name, value) for name, value in pairs if value is not None)
