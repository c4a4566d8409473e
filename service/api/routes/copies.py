"""Pre-signed copies: a PUT that the store fills from another object."""

from fastapi import APIRouter

from service.access.grants import Operation
from service.api.batches import sign_items
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas import (
    CopyUrlBatchRequest,
    CopyUrlRequest,
    lifetime,
    or_none,
    quoted_etag,
)
from service.presigning.requests import PresignRequest
from service.signing.copy_object import CopyObject, CopySource

router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["copies"])


@router.post("/copy-urls")
async def create_copy_url(call: AuthenticatedRequest, body: CopyUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, copy_request(body)))


@router.post("/copy-urls/batch")
async def create_copy_url_batch(call: AuthenticatedRequest, body: CopyUrlBatchRequest) -> bytes:
    return await sign_items(call, Operation.UPLOAD, body.items, CopyUrlRequest, copy_request)


def copy_request(body: CopyUrlRequest) -> PresignRequest:
    etag = or_none(body.source.etag)
    source = CopySource(
        bucket=or_none(body.source.bucket) or body.bucket,
        key=body.source.key,
        version_id=or_none(body.source.version_id),
        etag=None if etag is None else quoted_etag(etag),
    )
    return PresignRequest(
        operation=Operation.UPLOAD,
        bucket=body.bucket,
        key=body.key,
        action=CopyObject(source=source, overwrite=body.overwrite is True),
        lifetime=lifetime(body),
    )
