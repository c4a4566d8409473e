"""The request bodies of openapi.yaml; a test compares the two.

An optional field is absent (MISSING), never null. Unknown fields are refused, so that a misspelled
`expires` is not signed with the default. Types are strict: "5" and 5.0 are not integers.
"""

from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import MISSING, ConfigDict, Field, RootModel, TypeAdapter, WrapValidator

from service.api.body import MAX_BATCH_BYTES, Body
from service.signing.actions import MAX_UPLOAD_BYTES, ChecksumAlgorithm
from service.signing.content_disposition import Disposition
from service.signing.signer import MAX_EXPIRES_IN

MAX_BATCH = 1000

Bucket = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(min_length=1, max_length=255)]
LongText = Annotated[str, Field(min_length=1, max_length=1024)]
Token = Annotated[str, Field(min_length=1, max_length=4096)]
Seconds = Annotated[int, Field(ge=1, le=MAX_EXPIRES_IN)]
Size = Annotated[int, Field(ge=0, le=MAX_UPLOAD_BYTES)]
Digest = Annotated[str, Field(min_length=8, max_length=44, pattern=r"^[A-Za-z0-9+/]+={1,2}$")]

T = TypeVar("T")


def or_none(value: T | MISSING) -> T | None:
    return None if value is MISSING else value


class StrictRequest(Body):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_LIST: Final = TypeAdapter(
    Annotated[list[Any], Field(strict=True, min_length=1, max_length=MAX_BATCH)]
)


def _unvalidated(items: object, _: object) -> list[Any]:
    return _LIST.validate_python(items)


# The items as parsed JSON, not validated yet; the schema still shows their model. `batches.py`
# validates them: a thousand at once would block the event loop, and most differ by their key only.
DeferredItems = Annotated[
    list[T], Field(min_length=1, max_length=MAX_BATCH), WrapValidator(_unvalidated)
]


class StringMap(RootModel[dict[str, str]]):
    model_config = ConfigDict(strict=True, frozen=True)


def pairs(strings: StringMap | MISSING) -> tuple[tuple[str, str], ...]:
    return () if strings is MISSING else tuple(strings.root.items())


class Checksum(StrictRequest):
    algorithm: ChecksumAlgorithm
    value: Digest


class SigningRequest(StrictRequest):
    bucket: Bucket
    expires_in: Seconds | MISSING = MISSING
    min_expires_in: Seconds | MISSING = MISSING


class ObjectRequest(SigningRequest):
    key: str


class DownloadUrlRequest(ObjectRequest):
    version_id: LongText | MISSING = MISSING
    filename: Text | MISSING = MISSING
    disposition: Disposition | MISSING = MISSING
    content_type: Text | MISSING = MISSING
    cache_control: Text | MISSING = MISSING
    stable_for: Annotated[int, Field(ge=1, le=86_400)] | MISSING = MISSING


class NewObjectRequest(ObjectRequest):
    """The fields that uploads by one PUT and in parts share."""

    content_type: Text | MISSING = MISSING
    metadata: StringMap | MISSING = MISSING
    filename: Text | MISSING = MISSING
    cache_control: Text | MISSING = MISSING
    content_encoding: Text | MISSING = MISSING
    tags: StringMap | MISSING = MISSING
    storage_class: Annotated[str, Field(min_length=1, max_length=64)] | MISSING = MISSING
    overwrite: bool | MISSING = MISSING


class UploadUrlRequest(NewObjectRequest):
    content_length: Size
    checksum: Checksum | MISSING = MISSING
    if_match: Text | MISSING = MISSING


class UploadFormRequest(SigningRequest):
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


class HeadUrlRequest(ObjectRequest):
    version_id: LongText | MISSING = MISSING


class DeleteUrlRequest(ObjectRequest):
    version_id: LongText | MISSING = MISSING


class ListUrlRequest(SigningRequest):
    prefix: str
    delimiter: LongText | MISSING = MISSING
    max_keys: Annotated[int, Field(ge=1, le=1000)] | MISSING = MISSING
    continuation_token: Token | MISSING = MISSING


class BatchRequest(StrictRequest):
    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES
    is_batch: ClassVar[bool] = True


class DownloadUrlBatchRequest(BatchRequest):
    items: DeferredItems[DownloadUrlRequest]


class UploadUrlBatchRequest(BatchRequest):
    items: DeferredItems[UploadUrlRequest]


class HeadUrlBatchRequest(BatchRequest):
    items: DeferredItems[HeadUrlRequest]


class DeleteUrlBatchRequest(BatchRequest):
    items: DeferredItems[DeleteUrlRequest]
