"""The bodies that git-lfs and its transfer agents send. They may grow: unknown fields are ignored.

github.com/git-lfs/git-lfs: docs/api/batch.md, docs/api/basic-transfers.md.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from service.api.body import MAX_BATCH_BYTES, OpenBody
from service.api.schemas import ETag, PartNumber, quoted_etag
from service.protocols.git_lfs.repositories import LfsObject
from service.signing.multipart_actions import MAX_OBJECT_BYTES, MAX_PARTS, UploadedPart

Oid = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ObjectBody(OpenBody):
    """An object of a batch, or to verify."""

    oid: Oid
    size: Annotated[int, Field(ge=0, le=MAX_OBJECT_BYTES)]

    def to_object(self) -> LfsObject:
        return LfsObject(self.oid, self.size)


class BatchBody(OpenBody):
    operation: Literal["download", "upload"]
    transfers: tuple[str, ...] = ("basic",)
    objects: Annotated[list[ObjectBody], Field(min_length=1)]
    hash_algo: Literal["sha256"] = "sha256"


class LfsPart(OpenBody):
    part_number: Annotated[PartNumber, Field(alias="partNumber")]
    etag: ETag

    def to_part(self) -> UploadedPart:
        return UploadedPart(part_number=self.part_number, etag=quoted_etag(self.etag))


class CompletionBody(OpenBody):
    """The body that `hf lfs-multipart-upload` sends once the store has all parts."""

    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES

    oid: Oid
    parts: Annotated[list[LfsPart], Field(min_length=1, max_length=MAX_PARTS, fail_fast=True)]
