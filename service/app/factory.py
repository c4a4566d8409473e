"""The composition root: builds the parts, starts and stops them, and knows them all."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from service import __version__, console
from service.api.gateway import Gateway
from service.api.limits import BatchQueue, ConcurrencyLimiter, RecentlyRefused, SharedLimits
from service.api.problems import answer_http_exception, answer_unexpected_error
from service.api.routes import (
    callers,
    diagnoses,
    health,
    objects,
)
from service.api.routes import (
    multipart as multipart_uploads,
)
from service.api.routes import (
    openapi as document,
)
from service.app.reload import keep_reloading
from service.app.services import OpenSources, Services, aws_sources
from service.clock import Clock, SystemClock
from service.config.settings import Settings
from service.presigning.audit import WriteLines
from service.protocols.uppy import routes as uppy
from service.server.shutdown import Drain
from service.signing.signer import Address
from service.telemetry.line_sink import LineSink
from service.telemetry.metrics import Metrics

_ROUTERS: Final = (
    objects.router,
    multipart_uploads.router,
    diagnoses.router,
    callers.router,
    health.router,
    document.router,
    console.router,
)

_SETTLE_SECONDS: Final = 3.0  # work in a thread slows down the first requests


class PresignApp(FastAPI):
    """FastAPI behind the gateway.

    The gateway is outside FastAPI's own middleware, whose layers would take 7 of a GET's 28 µs.
    """

    gateway: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.gateway(scope, receive, send)

    async def serve_rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the gateway leaves to FastAPI."""
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
    watched: Path | None = None,
    once_started: Callable[[], None] | None = None,
) -> PresignApp:
    """The service. It needs its lifespan run; until then it has no presigner.

    `addresses` are the buckets', if they are resolved already. `audit` takes the lines of the audit
    trail, which go to standard output if nothing is given; `store_transport` what goes to stores. With `drain` whoever runs the app says
    that it is about to end. Changes of the file `watched` are served as they come. `once_started` is called in
    a thread, soon after the first requests can be answered.
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
                store_transport=store_transport,
            )
            await services.start(settings, addresses)
            stack.push_async_callback(services.stop)
            if watched is not None:
                reloading = keep_reloading(watched, settings, services, metrics.reloaded)
                await stack.enter_async_context(_beside(reloading, "reload"))
            app.state.authorizer, app.state.tokens = services.authorizer, services.tokens
            app.state.presigner = services.presigner
            app.state.multipart = services.multipart
            app.state.object_checks = services.object_checks
            app.state.uppy = services.uppy
            app.state.diagnoses = services.diagnoses
            if once_started is not None:
                await stack.enter_async_context(_beside(_later(once_started), "check"))
            yield

    app = PresignApp(
        title="presign",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,  # the address would be what the caller calls our host
        generate_unique_id_function=_operation_id,
    )
    app.state.drain, app.state.metrics = drain or Drain(), metrics
    routers = [*_ROUTERS] if settings.uppy is None else [*_ROUTERS, uppy.router]
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.state.shared = _shared(settings.server.max_in_flight, clock)
    app.add_exception_handler(Exception, answer_unexpected_error)
    app.gateway = Gateway(
        app.serve_rest,
        routes=[route for router in routers for route in router.routes],
        limiter=app.state.shared.limiter,
        metrics=metrics,
        cors_origins=_cors_origins(settings),
    )
    return app


async def _later(work: Callable[[], None]) -> None:
    await asyncio.sleep(_SETTLE_SECONDS)
    await asyncio.to_thread(work)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """A task that goes on meanwhile, and is cancelled at the end."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _shared(max_in_flight: int, clock: Clock) -> SharedLimits:
    """All that is derived from `max_in_flight` is derived here."""
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
    """The origins whose pages may call, by path prefix; the first prefix that matches decides."""
    pages = settings.server.cors_origins
    uppy_pages = () if settings.uppy is None else settings.uppy.origins
    return {uppy.PATH: uppy_pages, "/": pages} if pages or uppy_pages else {}


def _operation_id(route: APIRoute) -> str:
    """The handler's name, in the contract's spelling."""
    return to_camel(route.name)
