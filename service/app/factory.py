"""The composition root: builds the parts, starts and stops them, and knows them all."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
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
from service.api.batch_queue import BatchQueue
from service.api.concurrency import ConcurrencyLimiter, ConcurrencyMiddleware
from service.api.cors import Cors
from service.api.fast_path import FastPath
from service.api.problems import answer_http_exception, answer_presign_error
from service.api.recently_refused import RecentlyRefused
from service.api.request_id import ErrorMiddleware, RequestIdMiddleware
from service.api.request_metrics import MetricsMiddleware
from service.api.routes import (
    callers,
    deletes,
    diagnoses,
    downloads,
    forms,
    heads,
    health,
    lists,
    object_checks,
    uploads,
)
from service.api.routes import (
    multipart as multipart_uploads,
)
from service.api.routes import (
    openapi as document,
)
from service.api.shared_limits import SharedLimits
from service.app.reload import keep_reloading
from service.app.services import OpenSources, Services, aws_sources
from service.clock import Clock, SystemClock
from service.config.settings import Settings
from service.errors import PresignError
from service.presigning.audit import WriteLines
from service.protocols.uppy import routes as uppy
from service.server.shutdown import Drain
from service.signing.signer import Address
from service.telemetry.line_sink import LineSink
from service.telemetry.metrics import Metrics

_ROOMS: Final = (
    downloads,
    uploads,
    forms,
    heads,
    deletes,
    lists,
    multipart_uploads,
    object_checks,
    diagnoses,
    callers,
    health,
    document,
    console,
)

_SETTLE_SECONDS: Final = 3.0  # work in a thread slows down the first requests


class _Service(FastAPI):
    """FastAPI with a door in front of it."""

    def __init__(self, **fastapis: Any) -> None:
        super().__init__(**fastapis)
        self.fast_path: ASGIApp = super().__call__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.fast_path(scope, receive, send)


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
) -> FastAPI:
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

    app = _Service(
        title="presign",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,  # the address would be what the caller calls our host
        generate_unique_id_function=_operation_id,
    )
    app.state.drain, app.state.metrics = drain or Drain(), metrics
    for room in _ROOMS:
        app.include_router(room.router)
    if settings.uppy is not None:
        app.include_router(uppy.router)
    app.add_exception_handler(PresignError, answer_presign_error)
    app.add_exception_handler(HTTPException, answer_http_exception)
    shared = _shared(settings.server.max_in_flight, clock)
    app.state.shared, limiter = shared, shared.limiter
    _add_middleware(app, settings, metrics, limiter)
    routes = [route for room in _ROOMS for route in room.router.routes]
    cors = bool(settings.server.cors_origins)
    app.fast_path = FastPath(app.fast_path, routes, limiter, metrics, cors=cors)
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
        bodies=ConcurrencyLimiter(max(1, max_in_flight // 2), "Too many bodies are on their way."),
        batches=BatchQueue(
            ConcurrencyLimiter(max(1, max_in_flight // 4), "Too many batches are waiting.")
        ),
        refused=RecentlyRefused(clock.boot),
    )


def _add_middleware(
    app: FastAPI, settings: Settings, metrics: Metrics, limiter: ConcurrencyLimiter
) -> None:
    """The last added is the outermost."""
    app.add_middleware(ErrorMiddleware)
    app.add_middleware(ConcurrencyMiddleware, limiter=limiter)
    pages = settings.server.cors_origins
    uppys_pages = () if settings.uppy is None else settings.uppy.origins
    if pages or uppys_pages:
        app.add_middleware(Cors, origins={uppy.PATH: uppys_pages, "/": pages})
    app.add_middleware(RequestIdMiddleware)
    app.add_middleware(MetricsMiddleware, metrics=metrics)


def _operation_id(route: APIRoute) -> str:
    """The handler's name, in the contract's spelling."""
    return to_camel(route.name)
