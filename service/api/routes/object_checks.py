"""`/v1/object-checks`: whether an object exists and is as expected."""

from fastapi import APIRouter

from service.api.rendering import render_check
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas.multipart import ObjectCheckRequest
from service.api.schemas.objects import or_none
from service.multipart.object_checks import ExpectedChecksum, ObjectExpectation

router = APIRouter(prefix="/v1/object-checks", tags=["object-checks"], route_class=ApiRoute)


@router.post("")
async def check_object(call: AuthenticatedRequest, body: ObjectCheckRequest) -> bytes:
    return render_check(await call.object_checks.check(call.requester, object_check(body)))


def object_check(body: ObjectCheckRequest) -> ObjectExpectation:
    checksum = or_none(body.checksum)
    return ObjectExpectation(
        bucket=body.bucket,
        key=body.key,
        content_length=or_none(body.content_length),
        content_type=or_none(body.content_type),
        checksum=None if checksum is None else ExpectedChecksum(checksum.algorithm, checksum.value),
    )
