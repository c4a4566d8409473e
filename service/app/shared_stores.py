"""The stores that replicas share: of rate limits, and of the uses and revocations of links."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from service.app.settings import Settings
from service.clock import Clock
from service.config.links import MEMORY
from service.presigning.authorizer import Authorizer
from service.presigning.rate_limits import STORE_SECONDS, RateLimits
from service.protocols.links.link import SALT_BYTES
from service.protocols.links.link_store import LinkStore
from service.protocols.links.memory_link_store import MemoryLinkStore
from service.protocols.links.revocations import Revocations
from service.protocols.links.service import Links, LinkSettings, SharedRecords
from service.telemetry.metrics import Metrics

# Redis is imported where it is needed: that is a twentieth of the start's time and memory, and few
# need it.


def rate_limits(settings: Settings, clock: Clock, metrics: Metrics) -> RateLimits:
    url, store = settings.server.rate_limit_url, None
    if url is not None:
        from service.presigning.rate_store import RedisWindows  # noqa: PLC0415

        store = RedisWindows(url.get_secret_value(), seconds=4 * STORE_SECONDS)
    return RateLimits(store, clock=clock, on_failure=metrics.rate_limit_store_failed)


@asynccontextmanager
async def open_links(
    settings: Settings,
    configured: LinkSettings | None,
    authorizer: Authorizer,
    clock: Clock,
    metrics: Metrics,
) -> AsyncIterator[Links]:
    """The links, which follow the store's revocations until the end."""
    url = None if settings.links is None else settings.links_store_url
    async with AsyncExitStack() as stack:
        shared = None
        if url is not None:
            store = await stack.enter_async_context(_open_link_store(url.get_secret_value(), clock))
            failed = metrics.link_store_failed
            shared = SharedRecords(store, Revocations(store, clock=clock, on_failure=failed))
            shared.revocations.start()
            stack.push_async_callback(shared.revocations.stop)
        yield Links(
            configured,
            shared,
            authorizer=authorizer,
            clock=clock,
            salt=lambda: secrets.token_bytes(SALT_BYTES),
        )


@asynccontextmanager
async def _open_link_store(url: str, clock: Clock) -> AsyncIterator[LinkStore]:
    if url == MEMORY:
        yield MemoryLinkStore(clock)
        return
    from service.protocols.links.redis_link_store import RedisLinkStore  # noqa: PLC0415

    store = RedisLinkStore(url, clock=clock)
    try:
        yield store
    finally:
        await store.close()
