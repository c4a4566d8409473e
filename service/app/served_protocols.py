"""What serves the protocols: their routes, and the use cases that these find."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from fastapi import APIRouter, Response

from service.api.parts import Core, UseCase
from service.api.route import ApiRoute, AuthenticatedRequest
from service.app.protocol_values import Values, is_on
from service.app.protocols import AnyProtocol
from service.app.settings import Settings
from service.errors import NotConfigured

UseCases = Mapping[AnyProtocol, UseCase[Any]]


def protocol_routers(settings: Settings) -> list[APIRouter]:
    return [router for protocol in settings.protocols for router in _routers(protocol, settings)]


def _routers(protocol: AnyProtocol, settings: Settings) -> Iterator[APIRouter]:
    if protocol.unseen_while_off and not is_on(protocol, settings):
        return
    served = protocol.served()
    yield from served.api_routers
    if is_on(protocol, settings):
        yield from (*served.routers, *served.public_routers)
    elif served.routers:
        yield _switched_off(protocol)


@cache  # FastAPI takes 3 ms for all protocols' routes: most of what `create_app` takes
def _switched_off(protocol: AnyProtocol) -> APIRouter:
    """Return the same routes. They only say that the feature is off, to authenticated callers.

    Others are refused as if it were on.
    """
    served = protocol.served()

    async def refuse(_call: AuthenticatedRequest) -> Response:
        raise NotConfigured(served.feature)

    off = APIRouter(include_in_schema=False)
    for route in (route for router in served.routers for route in router.routes):
        if isinstance(route, ApiRoute):
            methods = list(route.methods or ())
            off.add_api_route(route.path, refuse, methods=methods, route_class_override=type(route))
    return off


@asynccontextmanager
async def open_protocols(core: Core, values: Values) -> AsyncIterator[UseCases]:
    """Build the use cases. What they run in the background is stopped at the end."""
    async with AsyncExitStack() as stack:
        use_cases: dict[AnyProtocol, UseCase[Any]] = {}
        for protocol, its in values.items():
            if its is None and protocol.unseen_while_off:
                continue
            served = protocol.served()
            its_core = replace(core, presigner=core.presigner.of_surface(served.surface))
            use_case = use_cases[protocol] = served.use_case(its_core, its)
            use_case.feature = served.feature
            stack.push_async_callback(use_case.close)
        yield use_cases
