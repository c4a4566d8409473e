"""Composes the app: builds the parts, connects them, starts and stops them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from service import __version__, console
from service.access.grants import Operation
from service.api.gateway import Gateway
from service.api.limits import BatchQueue, ConcurrencyLimiter, RecentlyRefused, SharedLimits
from service.api.problems import (
    ERRORS_PATH,
    Problems,
    answer_http_exception,
    answer_unexpected_error,
)
from service.api.routes import (
    callers,
    diagnoses,
    errors,
    front_page,
    health,
    multipart,
    objects,
    openapi,
)
from service.api.traced_gateway import TracedGateway
from service.app.reload import digest_of_others, keep_reloading
from service.app.services import Services
from service.app.session_sources import OpenSources, aws_sources
from service.clock import Clock, SystemClock
from service.config.settings import Settings
from service.presigning.audit import WriteLines
from service.protocols.credentials import routes as credentials
from service.protocols.git_lfs import routes as git_lfs
from service.protocols.links import pages, visit_routes
from service.protocols.links import routes as links
from service.protocols.mlflow import routes as mlflow
from service.protocols.objects import routes as object_urls
from service.protocols.package_index import routes as package_index
from service.protocols.remote_signing import routes as remote_signing
from service.protocols.uppy import routes as uppy
from service.server.shutdown import Drain
from service.signing.signer import Address
from service.telemetry.line_sink import LineSink
from service.telemetry.metrics import Metrics
from service.telemetry.spans import Spans

_ROUTERS: Final = (
    objects.router,
    multipart.router,
    diagnoses.router,
    callers.router,
    links.router,
    health.router,
    openapi.router,
    front_page.router,
    errors.router,
    console.router,
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

    gateway: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.gateway(scope, receive, send)

    async def serve_rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests that the gateway leaves to FastAPI."""
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    *,
    addresses: Mapping[str, Address] | None = None,
    clock: Clock | None = None,
    open_sources: OpenSources = aws_sources,
    store_transport: httpx.AsyncBaseTransport | None = None,
    audit: WriteLines | None = None,
    drain: Drain | None = None,
    metrics: Metrics | None = None,
    spans: Spans | None = None,
    watched: Path | None = None,
    once_started: Callable[[], None] | None = None,
) -> PresignApp:
    """The ASGI app. It can sign once its lifespan has started.

    `addresses` are those of the buckets, if already resolved. `audit` takes audit lines, instead of
    standard output; `store_transport` takes calls to stores, instead of the network. `drain` tells
    that the process will stop. `spans` are None if no traces are exported. If `watched` is a configuration file, its changes take effect.
    `once_started` is called in a thread, soon after the start.
    """
    clock = clock or SystemClock()
    metrics = metrics or Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            services = Services(
                clock=clock,
                make_source=await stack.enter_async_context(open_sources(clock)),
                write_audit=audit or LineSink(sys.stdout.fileno()).write,
                metrics=metrics,
                spans=spans,
                store_transport=store_transport,
            )
            digest = "" if watched is None else digest_of_others(settings)
            await services.start(settings, addresses)
            stack.push_async_callback(services.stop)
            if watched is not None:
                reloading = keep_reloading(
                    watched, settings, services, metrics.reloaded, digest=digest
                )
                await stack.enter_async_context(_in_background(reloading, "reload"))
            app.state.services = services
            app.state.authorizer, app.state.tokens = services.authorizer, services.tokens
            app.state.presigner, app.state.multipart = services.presigner, services.multipart
            app.state.object_checks, app.state.uppy = services.object_checks, services.uppy
            app.state.diagnoses, app.state.object_urls = services.diagnoses, services.object_urls
            app.state.links, app.state.link_visits = services.links, services.link_visits
            app.state.package_indexes = services.package_indexes
            app.state.listings = services.listings
            app.state.git_lfs, app.state.mlflow = services.git_lfs, services.mlflow
            app.state.credentials = services.credentials
            app.state.remote_signer = services.remote_signer
            app.state.console = services.console
            if once_started is not None:
                await stack.enter_async_context(_in_background(_later(once_started), "check"))
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
    app.state.drain, app.state.metrics = drain or Drain(), metrics
    app.state.problems = Problems(settings.server.errors_url or ERRORS_PATH)
    app.state.shared = _shared(settings.server.max_in_flight, clock)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(Exception, answer_unexpected_error)
    routers = _routers(settings)
    for router in routers:
        app.include_router(router)
    app.gateway = Gateway(
        app.serve_rest,
        routes=[route for router in routers for route in router.routes],
        limiter=app.state.shared.limiter,
        metrics=metrics,
        cors_origins=_cors_origins(settings),
        problems=app.state.problems,
    )
    if spans is not None:
        app.gateway = TracedGateway(app.gateway, spans)
    return app


def _routers(settings: Settings) -> list[APIRouter]:
    """Return the routers. A protocol that is not configured has no route."""
    protocols = [
        (settings.objects is not None, object_urls.router),
        (settings.links is not None, visit_routes.router),
        (settings.links is not None, pages.router),
        (bool(settings.package_index), package_index.router),
        (settings.git_lfs is not None, git_lfs.router),
        (settings.git_lfs is not None, git_lfs.completions),
        (settings.mlflow is not None, mlflow.router),
        (settings.uppy is not None, uppy.router),
        (settings.allows(Operation.CREDENTIALS), credentials.router),
        (settings.allows(Operation.SIGN), remote_signing.router),
    ]
    return [*_ROUTERS, *(router for is_on, router in protocols if is_on)]


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


def _shared(max_in_flight: int, clock: Clock) -> SharedLimits:
    """The limits that `max_in_flight` implies."""
    return SharedLimits(
        limiter=ConcurrencyLimiter(max_in_flight),
        bodies=ConcurrencyLimiter(
            max(1, max_in_flight // 2), "Too many request bodies are being received."
        ),
        batches=BatchQueue(
            ConcurrencyLimiter(max(1, max_in_flight // 4), "Too many batches are waiting.")
        ),
        refused=RecentlyRefused(clock.boot),
    )


def _cors_origins(settings: Settings) -> dict[str, Sequence[str]]:
    """The allowed origins by path prefix; the first prefix that matches applies."""
    pages = settings.server.cors_origins
    uppy_pages = () if settings.uppy is None else settings.uppy.origins
    return {uppy.PATH: uppy_pages, "/": pages} if pages or uppy_pages else {}


def _operation_id(route: APIRoute) -> str:
    """The handler's name, spelt as in openapi.yaml."""
    return to_camel(route.name)
