"""`/v1/caller`: the authenticated caller and its grants."""

from fastapi import APIRouter

from service.api.rendering import render_caller
from service.api.route import ApiRoute, AuthenticatedRequest

router = APIRouter(prefix="/v1/caller", tags=["caller"], route_class=ApiRoute)


@router.get("")
async def get_caller(call: AuthenticatedRequest) -> bytes:
    identity = call.requester.identity
    return render_caller(identity.caller, call.authorizer.snapshot.access(identity).grants)
