"""The request bodies of openapi.yaml; a test compares the two.

An optional field is absent (MISSING), never null. Unknown fields are refused, so that a misspelled
`expires` is not signed with the default. Types are strict: "5" and 5.0 are not integers.
"""

from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import MISSING, ConfigDict, Field, RootModel, TypeAdapter, WrapValidator

from service.api import value_checks as of
from service.api.body import MAX_BATCH_BYTES, Body
from service.diagnosis.request import MAX_BODY_LENGTH, MAX_URL_LENGTH
from service.sessions.lifetime import Lifetime
from service.signing.actions import MAX_UPLOAD_BYTES, ChecksumAlgorithm
from service.signing.cloudfront import MAX_DELIVERY_SECONDS
from service.signing.content_disposition import Disposition
from service.signing.multipart_actions import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIN_PART_BYTES,
)
from service.signing.signer import MAX_EXPIRES_IN

MAX_BATCH = 1000

MAX_BUCKET = 255  # characters
Bucket = Annotated[str, Field(min_length=1, max_length=MAX_BUCKET)]
Text = Annotated[str, Field(min_length=1, max_length=255)]
LongText = Annotated[str, Field(min_length=1, max_length=1024)]
Token = Annotated[str, Field(min_length=1, max_length=4096)]
Seconds = Annotated[int, Field(ge=1, le=MAX_EXPIRES_IN)]
# The presigner refuses more than MAX_EXPIRES_IN for a bucket that CloudFront does not deliver.
DeliverySeconds = Annotated[int, Field(ge=1, le=MAX_DELIVERY_SECONDS)]
Size = Annotated[int, Field(ge=0, le=MAX_UPLOAD_BYTES)]
Digest = Annotated[str, Field(min_length=8, max_length=44, pattern=r"^[A-Za-z0-9+/]+={1,2}$")]
ObjectSize = Annotated[int, Field(ge=1, le=MAX_OBJECT_BYTES)]
PartSize = Annotated[int, Field(ge=MIN_PART_BYTES, le=MAX_PART_BYTES)]
PartNumber = Annotated[int, Field(ge=1, le=MAX_PARTS)]
ETag = Annotated[str, Field(min_length=1, max_length=255, pattern=r'^"?[!#-~]+"?$')]

T = TypeVar("T")


def or_none(value: T | MISSING) -> T | None:
    return None if value is MISSING else value


class StrictRequest(Body):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_BATCH = Field(strict=True, min_length=0, max_length=MAX_BATCH)
_LIST: Final = TypeAdapter[list[Any]](Annotated[list[Any], _BATCH])

# The items as parsed JSON, not validated yet; the schema still shows their model. `batches.py`
# validates them: a thousand at once would block the event loop, and most differ by their key only.
DeferredItems = Annotated[
    list[T], _BATCH, WrapValidator(lambda items, _: _LIST.validate_python(items))
]


class StringMap(RootModel[dict[str, str]]):
    model_config = ConfigDict(strict=True, frozen=True)


def pairs(strings: StringMap | MISSING) -> tuple[tuple[str, str], ...]:
    return () if strings is MISSING else tuple(strings.root.items())


class Checksum(StrictRequest):
    algorithm: ChecksumAlgorithm
    value: Digest


class LifetimeFields(StrictRequest):
    value_checks: ClassVar[of.ValueChecks] = (of.LIFETIME,)

    expires_in: Seconds | MISSING = MISSING
    min_expires_in: Seconds | MISSING = MISSING


def lifetime(body: LifetimeFields, stable_for: int | MISSING = MISSING) -> Lifetime:
    return _lifetime(body.expires_in, body.min_expires_in, stable_for)


@lru_cache(maxsize=256)
def _lifetime(
    expires_in: int | MISSING, min_expires_in: int | MISSING, stable_for: int | MISSING
) -> Lifetime:
    return Lifetime(
        expires_in=or_none(expires_in),
        min_expires_in=or_none(min_expires_in),
        stable_for=or_none(stable_for),
    )


class VersionFields(LifetimeFields):
    value_checks: ClassVar[of.ValueChecks] = (of.text("version_id"),)

    version_id: LongText | MISSING = MISSING


class DownloadFields(VersionFields):
    value_checks: ClassVar[of.ValueChecks] = (
        of.FILENAME,
        of.CONTENT_TYPE,
        of.header("cache_control"),
    )

    expires_in: DeliverySeconds | MISSING = MISSING
    min_expires_in: DeliverySeconds | MISSING = MISSING
    filename: Text | MISSING = MISSING
    disposition: Disposition | MISSING = MISSING
    content_type: Text | MISSING = MISSING
    cache_control: Text | MISSING = MISSING
    stable_for: Annotated[int, Field(ge=1, le=86_400)] | MISSING = MISSING


class SigningRequest(LifetimeFields):
    bucket: Bucket


class ObjectRequest(SigningRequest):
    value_checks: ClassVar[of.ValueChecks] = (of.KEY,)

    key: str


class DownloadUrlRequest(DownloadFields, ObjectRequest):
    pass


class CookiesRequest(StrictRequest):
    value_checks: ClassVar[of.ValueChecks] = (of.prefix("prefix"),)

    bucket: Bucket
    prefix: str
    expires_in: DeliverySeconds | MISSING = MISSING


class HeadUrlRequest(ObjectRequest, VersionFields):
    pass


class DeleteUrlRequest(ObjectRequest, VersionFields):
    pass


class NewObjectRequest(ObjectRequest):
    """The fields that uploads by one PUT and in parts share."""

    value_checks: ClassVar[of.ValueChecks] = (
        *(of.CONTENT_TYPE, of.METADATA, of.FILENAME, of.TAGS),
        *map(of.header, ("cache_control", "content_encoding", "storage_class")),
    )

    content_type: Text | MISSING = MISSING
    metadata: StringMap | MISSING = MISSING
    filename: Text | MISSING = MISSING
    cache_control: Text | MISSING = MISSING
    content_encoding: Text | MISSING = MISSING
    tags: StringMap | MISSING = MISSING
    storage_class: Annotated[str, Field(min_length=1, max_length=64)] | MISSING = MISSING
    overwrite: bool | MISSING = MISSING


class UploadUrlRequest(NewObjectRequest):
    value_checks: ClassVar[of.ValueChecks] = (of.CHECKSUM, of.header("if_match"))

    content_length: Size
    checksum: Checksum | MISSING = MISSING
    if_match: Text | MISSING = MISSING


class CopySource(StrictRequest):
    bucket: Bucket | MISSING = MISSING
    key: str
    version_id: LongText | MISSING = MISSING
    etag: ETag | MISSING = MISSING


class CopyUrlRequest(ObjectRequest):
    value_checks: ClassVar[of.ValueChecks] = (of.COPY_SOURCE,)

    source: CopySource
    overwrite: bool | MISSING = MISSING


class UploadFormRequest(SigningRequest):
    value_checks: ClassVar[of.ValueChecks] = (
        *(of.KEY, of.prefix("key_prefix")),
        *(of.CONTENT_TYPE, of.header("content_type_prefix"), of.METADATA, of.TAGS),
    )

    key: str | MISSING = MISSING
    key_prefix: str | MISSING = MISSING
    filename: Text | MISSING = MISSING
    max_content_length: Annotated[int, Field(ge=1, le=MAX_UPLOAD_BYTES)]
    min_content_length: Size | MISSING = MISSING
    content_type: Text | MISSING = MISSING
    content_type_prefix: Text | MISSING = MISSING
    metadata: StringMap | MISSING = MISSING
    tags: StringMap | MISSING = MISSING
    success_status: Annotated[int, Field(ge=200, le=204)] | MISSING = MISSING
    overwrite: bool | MISSING = MISSING


class ListUrlRequest(SigningRequest):
    value_checks: ClassVar[of.ValueChecks] = (
        of.prefix("prefix"),
        of.text("delimiter"),
        of.text("continuation_token"),
    )

    prefix: str
    delimiter: LongText | MISSING = MISSING
    max_keys: Annotated[int, Field(ge=1, le=1000)] | MISSING = MISSING
    continuation_token: Token | MISSING = MISSING


class ObjectsQuery(StrictRequest):
    bucket: Bucket
    prefix: str | MISSING = MISSING
    delimiter: LongText | MISSING = MISSING
    after: Token | MISSING = MISSING


class BatchRequest(StrictRequest):
    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES
    is_batch: ClassVar[bool] = True


class KeysBatchRequest(BatchRequest):
    """A batch of `items`, or of `keys` with one bucket and the same fields for all of them.

    Generated clients send the other one as an empty list, so that is as none.
    """

    items: DeferredItems[Any] | MISSING = MISSING
    bucket: Bucket | MISSING = MISSING
    keys: Annotated[list[str], Field(min_length=0, max_length=MAX_BATCH)] | MISSING = MISSING


class DownloadUrlBatchRequest(KeysBatchRequest, DownloadFields):
    items: DeferredItems[DownloadUrlRequest] | MISSING = MISSING


class UploadUrlBatchRequest(BatchRequest):
    items: Annotated[DeferredItems[UploadUrlRequest], Field(min_length=1)]


class CopyUrlBatchRequest(BatchRequest):
    items: Annotated[DeferredItems[CopyUrlRequest], Field(min_length=1)]


class HeadUrlBatchRequest(KeysBatchRequest, VersionFields):
    items: DeferredItems[HeadUrlRequest] | MISSING = MISSING


class DeleteUrlBatchRequest(KeysBatchRequest, VersionFields):
    items: DeferredItems[DeleteUrlRequest] | MISSING = MISSING


def quoted_etag(etag: str) -> str:
    """Return `etag` with quotes, which clients may leave out."""
    return '"' + etag.strip('"') + '"'


class ExpectedChecksum(StrictRequest):
    algorithm: ChecksumAlgorithm
    value: Annotated[
        str,
        Field(min_length=8, max_length=50, pattern=r"^[A-Za-z0-9+/]+={1,2}(-[1-9][0-9]{0,4})?$"),
    ]


class ObjectCheckRequest(StrictRequest):
    value_checks: ClassVar[of.ValueChecks] = (of.KEY,)

    bucket: Bucket
    key: str
    content_length: Annotated[int, Field(ge=0, le=MAX_OBJECT_BYTES)] | MISSING = MISSING
    content_type: Text | MISSING = MISSING
    checksum: ExpectedChecksum | MISSING = MISSING


class DiagnosisRequest(StrictRequest):
    url: Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH)]
    method: Annotated[str, Field(min_length=1, max_length=16)] | MISSING = MISSING
    headers: StringMap | MISSING = MISSING
    response_status: Annotated[int, Field(ge=100, le=599)] | MISSING = MISSING
    response_body: Annotated[str, Field(min_length=0, max_length=MAX_BODY_LENGTH)] | MISSING = (
        MISSING
    )
