"""`/v1/head-urls`: a HEAD of one object."""

from functools import lru_cache

from fastapi import APIRouter
from pydantic import MISSING

from service.access.grants import Operation
from service.api.batches import lifetime, sign_batch
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas.objects import (
    HeadUrlBatchRequest,
    HeadUrlRequest,
    or_none,
)
from service.presigning.requests import PresignRequest
from service.signing.actions import HeadObject

router = APIRouter(prefix="/v1/head-urls", tags=["heads"], route_class=ApiRoute)


@router.post("")
async def create_head_url(call: AuthenticatedRequest, body: HeadUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, head_request(body)))


@router.post("/batch")
async def create_head_url_batch(call: AuthenticatedRequest, body: HeadUrlBatchRequest) -> bytes:
    return await sign_batch(call, Operation.HEAD, body.items, HeadUrlRequest, head_request)


def head_request(body: HeadUrlRequest) -> PresignRequest:
    action = _action(body.version_id)
    return PresignRequest(bucket=body.bucket, key=body.key, action=action, lifetime=lifetime(body))


@lru_cache(maxsize=256)  # a signer knows an action by its identity
def _action(version_id: str | MISSING) -> HeadObject:
    return HeadObject(version_id=or_none(version_id))
