"""`/v1/delete-urls`: a DELETE of one object."""

from functools import lru_cache

from fastapi import APIRouter
from pydantic import MISSING

from service.access.grants import Operation
from service.api.batches import lifetime, sign_batch
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas.objects import (
    DeleteUrlBatchRequest,
    DeleteUrlRequest,
    or_none,
)
from service.presigning.requests import PresignRequest
from service.signing.actions import DeleteObject

router = APIRouter(prefix="/v1/delete-urls", tags=["deletes"], route_class=ApiRoute)


@router.post("")
async def create_delete_url(call: AuthenticatedRequest, body: DeleteUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, delete_request(body)))


@router.post("/batch")
async def create_delete_url_batch(call: AuthenticatedRequest, body: DeleteUrlBatchRequest) -> bytes:
    return await sign_batch(call, Operation.DELETE, body.items, DeleteUrlRequest, delete_request)


def delete_request(body: DeleteUrlRequest) -> PresignRequest:
    action = _action(body.version_id)
    return PresignRequest(bucket=body.bucket, key=body.key, action=action, lifetime=lifetime(body))


@lru_cache(maxsize=256)  # a signer knows an action by its identity
def _action(version_id: str | MISSING) -> DeleteObject:
    return DeleteObject(version_id=or_none(version_id))
