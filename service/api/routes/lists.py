"""`/v1/list-urls`: a list of the keys below a prefix, a page at a time."""

from fastapi import APIRouter

from service.api.batches import lifetime
from service.api.rendering import render_request
from service.api.route import Call, SigningRoute
from service.api.schemas.objects import ListUrlRequest, PresignedRequest, or_none
from service.presigning.requests import Ask
from service.signing.actions import ListObjects

router = APIRouter(prefix="/v1/list-urls", tags=["lists"], route_class=SigningRoute)


@router.post("", response_model=PresignedRequest)
async def create_list_url(call: Call, body: ListUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, list_ask(body)))


def list_ask(body: ListUrlRequest) -> Ask:
    action = ListObjects(
        prefix=body.prefix,
        delimiter=or_none(body.delimiter),
        max_keys=or_none(body.max_keys),
        continuation_token=or_none(body.continuation_token),
    )
    return Ask(bucket=body.bucket, key=body.prefix, action=action, lifetime=lifetime(body))
