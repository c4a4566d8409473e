"""`/v1/upload-urls`: a PUT of one object, of exactly one size and type."""

from typing import Any

from fastapi import APIRouter
from pydantic import MISSING

from service.access.grants import Operation
from service.api.batches import lifetime, sign_batch
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas.objects import (
    NewObjectRequest,
    UploadUrlBatchRequest,
    UploadUrlRequest,
    or_none,
    pairs,
)
from service.presigning.requests import PresignRequest
from service.signing.actions import DEFAULT_CONTENT_TYPE, Checksum, PutObject
from service.signing.content_disposition import content_disposition

router = APIRouter(prefix="/v1/upload-urls", tags=["uploads"], route_class=ApiRoute)


@router.post("")
async def create_upload_url(call: AuthenticatedRequest, body: UploadUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, upload_request(body)))


@router.post("/batch")
async def create_upload_url_batch(call: AuthenticatedRequest, body: UploadUrlBatchRequest) -> bytes:
    return await sign_batch(call, Operation.UPLOAD, body.items, UploadUrlRequest, upload_request)


def upload_request(body: UploadUrlRequest) -> PresignRequest:
    checksum = or_none(body.checksum)
    action = PutObject(
        content_length=body.content_length,
        overwrite=or_none(body.overwrite) or False,
        if_match=or_none(body.if_match),
        checksum=None
        if checksum is None
        else Checksum(algorithm=checksum.algorithm, value=checksum.value),
        **object_metadata(body),
    )
    return PresignRequest(
        bucket=body.bucket,
        key=body.key,
        action=action,
        lifetime=lifetime(body),
        content_type_given=body.content_type is not MISSING,
    )


def object_metadata(body: NewObjectRequest) -> dict[str, Any]:
    """What the object is to be, as the members of a `NewObject`."""
    filename = or_none(body.filename)
    return {
        "content_type": or_none(body.content_type) or DEFAULT_CONTENT_TYPE,
        "metadata": pairs(body.metadata),
        "tags": pairs(body.tags),
        "content_disposition": None
        if filename is None
        else content_disposition("attachment", filename),
        "cache_control": or_none(body.cache_control),
        "content_encoding": or_none(body.content_encoding),
        "storage_class": or_none(body.storage_class),
    }
