"""`/v1/list-urls`: a list of the keys below a prefix, a page at a time."""

from fastapi import APIRouter

from service.api.batches import lifetime
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas.objects import ListUrlRequest, or_none
from service.presigning.requests import PresignRequest
from service.signing.actions import ListObjects

router = APIRouter(prefix="/v1/list-urls", tags=["lists"], route_class=ApiRoute)


@router.post("")
async def create_list_url(call: AuthenticatedRequest, body: ListUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, list_request(body)))


def list_request(body: ListUrlRequest) -> PresignRequest:
    action = ListObjects(
        prefix=body.prefix,
        delimiter=or_none(body.delimiter),
        max_keys=or_none(body.max_keys),
        continuation_token=or_none(body.continuation_token),
    )
    return PresignRequest(
        bucket=body.bucket, key=body.prefix, action=action, lifetime=lifetime(body)
    )
