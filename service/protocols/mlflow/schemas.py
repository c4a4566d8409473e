"""The queries and bodies that MLflow's client sends. They may grow: unknown fields are ignored.

github.com/mlflow/mlflow: mlflow/protos/mlflow_artifacts.proto
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from service.api.body import MAX_BATCH_BYTES, OpenBody
from service.api.schemas import ETag, PartNumber, quoted_etag
from service.protocols.mlflow.parts import MAX_PARTS
from service.signing.multipart_actions import UploadedPart

LocalPath = Annotated[str, Field(max_length=4096)]  # Linux's PATH_MAX


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    path: str = ""


class FileBody(OpenBody):
    """`path` is that of the file on the client's machine."""

    path: LocalPath


class CreateBody(FileBody):
    num_parts: Annotated[int, Field(ge=1)] = 1


class AbortBody(FileBody):
    upload_id: str


class MlflowPart(OpenBody):
    part_number: PartNumber
    etag: ETag

    def to_part(self) -> UploadedPart:
        return UploadedPart(part_number=self.part_number, etag=quoted_etag(self.etag))


class CompleteBody(AbortBody):
    """The client sends the signed URL of each part back, too."""

    max_body_bytes: ClassVar[int] = MAX_BATCH_BYTES

    parts: Annotated[list[MlflowPart], Field(min_length=1, max_length=MAX_PARTS, fail_fast=True)]
