"""The contract's shapes, one to one with openapi.yaml; a test holds the two together.

What is optional is absent, never null (MISSING). Unknown fields are refused: a misspelt `expires`
must not be signed with the default. Types are strict: "5" and 5.0 are no integers.
"""

from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import MISSING, BaseModel, ConfigDict, Field, RootModel, TypeAdapter, WrapValidator

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


T = TypeVar("T")


def or_none(value: T | MISSING) -> T | None:
    return None if value is MISSING else value


class StrictRequest(Body):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_LISTED: Final = TypeAdapter(
    Annotated[list[Any], Field(strict=True, min_length=1, max_length=MAX_BATCH)]
)


def _as_it_comes(items: object, _: object) -> list[Any]:
    return _LISTED.validate_python(items)


# Each as the JSON has it, though the document says of what shape it must be. `batches.py` looks them over:
# a thousand at once would hold the loop, and most are alike but for their keys.
DeferredItems = Annotated[
    list[T], Field(min_length=1, max_length=MAX_BATCH), WrapValidator(_as_it_comes)
]


class OpenAnswer(BaseModel):
    """Answers may grow: clients ignore fields that they do not know."""


class StringMap(RootModel[dict[str, str]]):
    model_config = ConfigDict(strict=True, frozen=True)


def pairs(strings: StringMap | MISSING) -> tuple[tuple[str, str], ...]:
    return () if strings is MISSING else tuple(strings.root.items())


class Checksum(StrictRequest):
    algorithm: ChecksumAlgorithm
    value: Annotated[str, Field(min_length=8, max_length=44, pattern=r"^[A-Za-z0-9+/]+={1,2}$")]


class ObjectRequest(StrictRequest):
    bucket: Bucket
    key: str
    expires_in: Seconds | MISSING = MISSING
    min_expires_in: Seconds | MISSING = MISSING


class DownloadUrlRequest(ObjectRequest):
    version_id: LongText | MISSING = MISSING
    filename: Text | MISSING = MISSING
    disposition: Disposition | MISSING = MISSING
    content_type: Text | MISSING = MISSING
    cache_control: Text | MISSING = MISSING
    stable_for: Annotated[int, Field(ge=1, le=86_400)] | MISSING = MISSING


class NewObjectRequest(ObjectRequest):
    """What every upload may say of its object, whichever way the bytes go."""

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


class UploadFormRequest(StrictRequest):
    bucket: Bucket
    key: str | MISSING = MISSING
    key_prefix: str | MISSING = MISSING
    filename: Text | MISSING = MISSING
    expires_in: Seconds | MISSING = MISSING
    min_expires_in: Seconds | MISSING = MISSING
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


class ListUrlRequest(StrictRequest):
    bucket: Bucket
    prefix: str
    expires_in: Seconds | MISSING = MISSING
    min_expires_in: Seconds | MISSING = MISSING
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


class PresignedRequest(OpenAnswer):
    method: str
    url: str
    headers: StringMap
    content_length: Size | MISSING = MISSING
    expires_at: str
    limited_by: str | MISSING = MISSING


class PresignedForm(OpenAnswer):
    url: str
    key: str
    fields: StringMap
    expires_at: str
    limited_by: str | MISSING = MISSING


class CallerGrant(OpenAnswer):
    bucket: str
    prefix: str
    allow: list[str]
    max_expires_in: Seconds | MISSING = MISSING
    max_content_length: int | MISSING = MISSING
    content_types: list[str] | MISSING = MISSING
    max_keys: int | MISSING = MISSING
    allow_overwrite: bool


class CallerDescription(OpenAnswer):
    subject: str
    issuer: str | MISSING = MISSING
    grants: list[CallerGrant]


class InvalidField(OpenAnswer):
    pointer: str
    detail: str


class Problem(OpenAnswer):
    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | MISSING = MISSING
    errors: list[InvalidField] | MISSING = MISSING


class PresignedResult(OpenAnswer):
    request: PresignedRequest | MISSING = MISSING
    problem: Problem | MISSING = MISSING


class PresignedBatch(OpenAnswer):
    results: list[PresignedResult]
    failed: int
