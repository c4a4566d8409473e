"""`/v1/caller`: who we take the caller for, and what it may do."""

from fastapi import APIRouter

from service.api.rendering import render_caller
from service.api.route import Call, SigningRoute
from service.api.schemas.objects import CallerDescription

router = APIRouter(prefix="/v1/caller", tags=["caller"], route_class=SigningRoute)


@router.get("", response_model=CallerDescription)
async def get_caller(call: Call) -> bytes:
    identity = call.requester.identity
    return render_caller(identity.caller, call.authority.snapshot.access(identity).grants)
