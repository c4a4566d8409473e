"""Uppy's requests, as @uppy/companion reads them. Unlike ours, they allow unknown fields.

A future Uppy may send more, and `metadata` holds whatever the page knows about a file. Only its
`contentLength` and `uploadMethod` are used.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service.api.body import MAX_BATCH_BYTES, Body
from service.api.schemas import ETag, PartNumber, Seconds, quoted_etag
from service.protocols.uppy.files import File
from service.signing.multipart_actions import MAX_PARTS, UploadedPart


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):  # an int in Python, and these models are not strict
        raise PydanticCustomError("whole_number", "Give a whole number")
    return value


_NOT_BOOL = BeforeValidator(_refuse_bool)
Bytes = Annotated[int, _NOT_BOOL, Field(ge=0)]
Type = Annotated[str, Field(max_length=255)]
Name = Annotated[str, Field(min_length=1, max_length=1024)]  # of a file or an object


class OpenRequest(Body):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ParamsQuery(OpenRequest):
    filename: Name
    type: Type = ""
    content_length: Annotated[Bytes | None, Field(alias="metadata[contentLength]")] = None
    upload_method: Annotated[str, Field(alias="metadata[uploadMethod]")] = ""

    @property
    def can_put(self) -> bool:
        """Whether the page's Uppy can send a PUT. Uppy 6 cannot, and does not say which it is."""
        return self.upload_method == "PUT"

    def file(self) -> File:
        return _file(self.filename, self.type, self.content_length)


class Metadata(OpenRequest):
    content_length: Annotated[Bytes | None, Field(alias="contentLength")] = None


class NewUploadRequest(OpenRequest):
    filename: Name
    type: Type | None = None
    metadata: Metadata | None = None

    def file(self) -> File:
        length = None if self.metadata is None else self.metadata.content_length
        return _file(self.filename, self.type, length)


class KeyQuery(OpenRequest):
    key: Name


class Part(OpenRequest):
    part_number: Annotated[PartNumber, _NOT_BOOL, Field(alias="PartNumber")]
    etag: Annotated[ETag, Field(alias="ETag")]


class CompleteRequest(OpenRequest):
    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES  # for up to 10,000 parts

    parts: Annotated[list[Part], Field(min_length=1, max_length=MAX_PARTS, fail_fast=True)]

    def to_parts(self) -> list[UploadedPart]:
        return [
            UploadedPart(part_number=part.part_number, etag=quoted_etag(part.etag))
            for part in self.parts
        ]


class UppySignRequest(OpenRequest):
    """The request that v6 passes to `signRequest`, with the fields that the page may add."""

    method: Literal["GET", "PUT", "POST", "DELETE"]
    key: Name
    upload_id: Annotated[str | None, Field(alias="uploadId")] = None
    part_number: Annotated[PartNumber | None, _NOT_BOOL, Field(alias="partNumber")] = None
    expires_in: Annotated[Seconds | None, _NOT_BOOL, Field(alias="expiresIn")] = None
    content_type: Annotated[Type | None, Field(alias="contentType")] = None
    content_length: Annotated[Bytes | None, Field(alias="contentLength")] = None

    def file(self) -> File:
        return _file(self.key, self.content_type, self.content_length)


def _file(name: str, content_type: str | None, content_length: int | None) -> File:
    return File(name=name, content_type=content_type or None, content_length=content_length)
