"""Composes the app: builds the parts, connects them, starts and stops them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service import __version__, console
from service.access.callers import CallerEntry
from service.api.client_address import TrustedProxies
from service.api.gateway import Gateway
from service.api.limits import shared_limits
from service.api.parts import Parts
from service.api.problems import Problems, answer_http_exception, answer_unexpected_error
from service.api.routes import (
    callers,
    cookies,
    copies,
    diagnoses,
    errors,
    front_page,
    health,
    multipart,
    objects,
    openapi,
)
from service.api.traced_gateway import TracedGateway
from service.app.environment import Environment
from service.app.reload import ReadAtStart, digest_of_others, keep_reloading
from service.app.served_protocols import protocol_routers
from service.app.services import Services, open_services
from service.app.settings import Settings
from service.console import contract_page, shared_files
from service.signing.signer import Address
from service.telemetry.spans import NO_SPANS, Spans

_ROUTERS: Final = (
    objects.router,
    copies.router,
    cookies.router,
    multipart.router,
    diagnoses.router,
    callers.router,
    health.router,
    openapi.router,
    front_page.router,
    errors.router,
    console.router,
    contract_page.router,
    shared_files.router,
)

# FastAPI's own spans have the path and the query of a request: keys, and share links.
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
_SETTLE_SECONDS: Final = 3.0  # work in a thread would slow down the first requests


class PresignApp(FastAPI):
    """FastAPI behind the gateway, as FastAPI's own middleware would take 7 of a GET's 28 µs."""

    parts: Parts
    services: Services  # once it has started
    gateway: ASGIApp
    flat_routes: Sequence[BaseRoute]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The server calls the gateway itself."""
        await self.gateway(scope, receive, send)

    async def serve_rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests that the gateway leaves to FastAPI."""
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    addresses: Mapping[str, Address],
    environment: Environment | None = None,
    *,
    watched: Path | None = None,
    read_as: str = "",
    once_started: Callable[[tuple[CallerEntry, ...]], None] | None = None,
) -> PresignApp:
    """Return the ASGI app. It can sign once its lifespan has started.

    `addresses` are those of the buckets. `watched` is the configuration file whose changes take
    effect, and `read_as` its fingerprint from before it was read. `once_started` is called with the
    callers in a thread, soon after the start.
    """
    environment = environment or Environment()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            digest = "" if watched is None else digest_of_others(settings)
            opening = open_services(settings, addresses, environment, app.parts.problems)
            services = await stack.enter_async_context(opening)
            if watched is not None:
                reloading = keep_reloading(
                    ReadAtStart(watched, settings, read_as, digest),
                    services,
                    environment.metrics.reloaded,
                )
                await stack.enter_async_context(_in_background(reloading, "reload"))
            _publish(services, app)
            if once_started is not None:
                check = partial(once_started, services.core.authorizer.snapshot.callers)
                await stack.enter_async_context(_in_background(_later(check), "check"))
            yield

    app = PresignApp(
        title="presign",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,  # the redirect would echo the caller's Host header
        generate_unique_id_function=_operation_id,
        telemetry=_NO_TELEMETRY,
    )
    app.parts = Parts(
        drain=environment.drain,
        metrics=environment.metrics,
        problems=Problems(settings.server.public_url),
        cors_origins=frozenset(settings.server.cors_origins),
        proxies=_trusted_proxies(settings),
        limits=shared_limits(settings.server.max_in_flight, environment.clock.boot),
    )
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(Exception, answer_unexpected_error)
    _add_routes(app, settings, environment.spans)
    return app


def _trusted_proxies(settings: Settings) -> TrustedProxies | None:
    server = settings.server
    if not server.trusted_proxies:
        return None
    return TrustedProxies(server.trusted_proxies, server.proxy_header)


def _add_routes(app: PresignApp, settings: Settings, spans: Spans) -> None:
    """Give the app its routes, and put the gateway in front of them."""
    routers = [*_ROUTERS, *protocol_routers(settings)]
    for router in routers:
        app.include_router(router)
    app.flat_routes = [route for router in routers for route in router.routes]
    app.gateway = Gateway(app, app.flat_routes)
    if spans is not NO_SPANS:
        app.gateway = TracedGateway(app.gateway, spans)


def _publish(services: Services, app: PresignApp) -> None:
    """Give routes the parts of the running service."""
    parts, app.services = app.parts, services
    parts.core, parts.tokens = services.core, services.tokens
    parts.diagnoses = services.diagnoses
    for use_case in (services.console, *services.protocols.values()):
        parts.add(use_case)


async def _later(work: Callable[[], None]) -> None:
    await asyncio.sleep(_SETTLE_SECONDS)
    await asyncio.to_thread(work)


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """A task that is cancelled at the end."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _operation_id(route: APIRoute) -> str:
    """The handler's name, spelt as in openapi.yaml."""
    return to_camel(route.name)
