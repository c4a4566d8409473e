"""What a configuration no longer needs is closed; what fails on the way is logged and stops nothing else."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from service.auth.jwks_cache import JwksCache
from service.sessions.sts import AssumedRole, SessionSource

log = logging.getLogger(__name__)


async def stop_keys(keys: Iterable[JwksCache]) -> None:
    await all_of("the keys of an issuer did not stop", [each.stop() for each in keys])


async def close_sources(
    sources: Iterable[SessionSource], *, but: Iterable[SessionSource] = ()
) -> None:
    """Those that hold a client. It may be shared, so each gives back its own part."""
    kept = {id(each) for each in but}
    closing = [
        each.close() for each in sources if isinstance(each, AssumedRole) and id(each) not in kept
    ]
    await all_of("a client of STS did not close", closing)


async def all_of(problem: str, work: Iterable[Awaitable[None]]) -> None:
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, Exception):
            log.warning(problem, exc_info=outcome)
