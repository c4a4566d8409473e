"""A replica that reads which links are revoked, until the test ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from service.clock import Clock
from service.protocols.links.link_store import LinkStore, StoredLink
from service.protocols.links.revocations import Revocations
from tests.support.virtual_time import loop_clock

MAKER: Final = "maker"
ID: Final = "lnk_AAAAAAAAAAAAAAAAAAAAAAAA"
OTHER: Final = "lnk_BBBBBBBBBBBBBBBBBBBBBBBB"
HOUR: Final = 3600
EVERYWHERE_SECONDS: Final = 2.0


def stored(link_id: str, expires_at: int, maker: str = MAKER) -> StoredLink:
    return StoredLink(link_id, maker, expires_at)


@asynccontextmanager
async def following(
    store: LinkStore, clock: Clock | None = None, on_failure: Callable[[], None] | None = None
) -> AsyncIterator[Revocations]:
    revocations = Revocations(
        store, clock=clock or loop_clock(), on_failure=on_failure or (lambda: None)
    )
    revocations.attempts.start()
    try:
        yield revocations
    finally:
        await revocations.attempts.stop()
