"""`/v1/caller`: the authenticated caller and its grants."""

from fastapi import APIRouter
from pydantic_core import to_json

from service.access.caller_description import describe
from service.api.route import ApiRoute, AuthenticatedRequest

router = APIRouter(prefix="/v1/caller", tags=["caller"], route_class=ApiRoute)


@router.get("")
async def get_caller(call: AuthenticatedRequest) -> bytes:
    identity, snapshot = call.requester.identity, call.authorizer.snapshot
    grants = snapshot.access(identity).grants
    return to_json(describe(identity, grants, snapshot.matched(identity)))
