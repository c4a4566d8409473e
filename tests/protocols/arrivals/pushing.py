"""The app with hooks that are doubles, and pushes of a store to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from service.app.session_sources import OpenSources
from service.clock import Clock, SystemClock
from service.protocols.arrivals.arrivals import Arrivals
from tests.protocols.arrivals.doubles import FakeHooks
from tests.protocols.arrivals.factories import SECRET
from tests.support.app import (
    app_of,
    make_app_settings,
    make_fixed_sources,
    run_app,
)

PATH: Final = "/v1/store-events"
URL: Final = "https://hooks.example/a"
HOOKS: Final[dict[str, dict[str, Any]]] = {
    "billing": {"bucket": "demo", "prefix": "in/", "url": URL, "secret": SECRET},
    "closed": {"bucket": "closed", "prefix": "", "url": f"{URL}/closed", "secret": SECRET},
    "removals": {
        "bucket": "demo",
        "prefix": "",
        "url": f"{URL}/removed",
        "secret": SECRET,
        "events": ["removed"],
    },
}
NOTIFY: Final[dict[str, Any]] = {"bucket": "demo", "prefix": "in/", "allow": ["notify"]}


@asynccontextmanager
async def pushing(
    hooks: FakeHooks,
    *grants: dict[str, Any],
    audit: Any = None,
    rate_limit: str | None = None,
    open_sources: OpenSources | None = None,
    failure: Exception | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    sections = {"arrivals": {"hooks": HOOKS}} | more
    settings = make_app_settings(*(grants or (NOTIFY,)), rate_limit=rate_limit, **sections)
    sources = open_sources or make_fixed_sources(failure)
    clock = clock or SystemClock()
    async with run_app(settings, audit=audit, open_sources=sources, clock=clock) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)
        arrivals._notifier._sender = hooks
        arrivals.hold_seconds = 0
        if failure is None:
            await until_ready(client)
        yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    """Wait for the bucket's own session."""
    pool = app_of(client).services.core.pool
    await asyncio.gather(*(each.until_asleep() for each in pool.attempts()))


async def push(client: httpx.AsyncClient, body: str | bytes, **more: Any) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return await client.post(PATH, content=body, headers=headers, **more)
