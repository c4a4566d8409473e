"""Uppy's shapes, as @uppy/companion speaks them. Unlike ours they are open: Uppy's next version may send more.

What Uppy says that would be lost is left aside: `metadata` is what the page knows of a file, and of it
only `contentLength` has a meaning here.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, to_json

from service.api.body import MAX_BATCH_BYTES, Body
from service.api.schemas import ETag, PartNumber, Seconds, quoted_etag
from service.presigning.results import CompletedUpload, PresignedForm, PresignedRequest
from service.protocols.uppy.uploads import File
from service.signing.multipart_actions import MAX_PARTS, UploadedPart

Type = Annotated[str, Field(max_length=255)]
FileName = Annotated[str, Field(min_length=1, max_length=1024)]
Key = Annotated[str, Field(min_length=1, max_length=1024)]


def _check_number(value: Any) -> Any:
    if isinstance(value, bool):  # an int to Python, and these shapes are not strict
        raise PydanticCustomError("whole_number", "Give a whole number")
    return value


_WHOLE = BeforeValidator(_check_number)
Bytes = Annotated[int, _WHOLE, Field(ge=0)]


class OpenRequest(Body):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ParamsQuery(OpenRequest):
    filename: FileName
    type: Type = ""
    content_length: Annotated[Bytes | None, Field(alias="metadata[contentLength]")] = None

    def file(self) -> File:
        return _file(self.filename, self.type, self.content_length)


class Metadata(OpenRequest):
    content_length: Annotated[Bytes | None, Field(alias="contentLength")] = None


class NewUploadRequest(OpenRequest):
    filename: FileName
    type: Type | None = None
    metadata: Metadata | None = None

    def file(self) -> File:
        known = self.metadata or Metadata()
        return _file(self.filename, self.type, known.content_length)


class KeyQuery(OpenRequest):
    key: Key


class BatchQuery(KeyQuery):
    part_numbers: Annotated[
        str, Field(alias="partNumbers", pattern=r"^[0-9]{1,5}(,[0-9]{1,5})*$", max_length=600)
    ]

    def numbers(self) -> list[int]:
        return [int(number) for number in self.part_numbers.split(",")]


class Part(OpenRequest):
    part_number: Annotated[PartNumber, _WHOLE, Field(alias="PartNumber")]
    etag: Annotated[ETag, Field(alias="ETag")]


class CompleteRequest(OpenRequest):
    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES  # of up to 10,000 parts

    parts: Annotated[list[Part], Field(min_length=1, max_length=MAX_PARTS, fail_fast=True)]

    def uploaded(self) -> list[UploadedPart]:
        return [
            UploadedPart(part_number=part.part_number, etag=quoted_etag(part.etag))
            for part in self.parts
        ]


class SignRequest(OpenRequest):
    """What v6 hands to `signRequest`, and what the page may say beside it."""

    method: Literal["GET", "PUT", "POST", "DELETE"]
    key: FileName
    upload_id: Annotated[str | None, Field(alias="uploadId")] = None
    part_number: Annotated[PartNumber | None, _WHOLE, Field(alias="partNumber")] = None
    expires_in: Annotated[Seconds | None, _WHOLE, Field(alias="expiresIn")] = None
    content_type: Annotated[Type | None, Field(alias="contentType")] = None
    content_length: Annotated[Bytes | None, Field(alias="contentLength")] = None

    def file(self) -> File:
        return _file(self.key, self.content_type, self.content_length)


def render_form(form: PresignedForm) -> bytes:
    members = {"method": "POST", "url": form.url, "fields": form.fields}
    return to_json({**members, "expires": form.validity.expires_in})


def render_created(key: str, upload_id: str, bucket: str) -> bytes:
    return to_json({"key": key, "uploadId": upload_id, "bucket": bucket})


def render_part(part: PresignedRequest) -> bytes:
    return to_json({"url": part.url, "expires": part.validity.expires_in})


def render_batch(numbers: Sequence[int], parts: Sequence[PresignedRequest]) -> bytes:
    pairs = zip(numbers, parts, strict=True)
    return to_json({"presignedUrls": {str(number): part.url for number, part in pairs}})


def render_parts(parts: Sequence[UploadedPart]) -> bytes:
    return to_json(
        [
            {"PartNumber": part.part_number, "ETag": part.etag, "Size": part.content_length}
            for part in parts
        ]
    )


def render_completed(completed: CompletedUpload, location: str) -> bytes:
    return to_json({"location": location, "key": completed.key, "bucket": completed.bucket})


def render_signed(request: PresignedRequest, **more: str) -> bytes:
    members: Mapping[str, Any] = {"url": request.url, "headers": request.headers}
    return to_json({**members, **more})


def render_signed_form(form: PresignedForm) -> bytes:
    return to_json({"url": form.url, "key": form.key, "fields": form.fields})


def _file(name: str, content_type: str | None, content_length: int | None) -> File:
    return File(name=name, content_type=content_type or None, content_length=content_length)
