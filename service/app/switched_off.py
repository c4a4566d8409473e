"""What takes the place of a protocol's routes while the configuration does not turn them on."""

from collections.abc import Iterable

from fastapi import APIRouter, Response

from service.api.route import ApiRoute, AuthenticatedRequest
from service.errors import NotConfigured


def switched_off(routers: Iterable[APIRouter], feature: str) -> APIRouter:
    """Return the same routes. They only say that `feature` is off, to authenticated callers.

    Others are refused as if it were on.
    """

    async def refuse(_call: AuthenticatedRequest) -> Response:
        raise NotConfigured(feature)

    off = APIRouter(include_in_schema=False)
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, ApiRoute):
            methods = list(route.methods or ())
            off.add_api_route(route.path, refuse, methods=methods, route_class_override=type(route))
    return off
