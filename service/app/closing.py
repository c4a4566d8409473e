"""Closes what a configuration no longer needs. A failure is logged and stops nothing else."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from service.auth.jwks_cache import JwksCache
from service.sessions.source import SessionSource
from service.sessions.sts import AssumedRole

log = logging.getLogger(__name__)


async def close_sources(
    sources: Iterable[SessionSource], *, keep: Iterable[SessionSource] = ()
) -> None:
    """Sources may share an STS client: it is closed with the last one."""
    kept = {id(each) for each in keep}
    closing = [
        each.close() for each in sources if isinstance(each, AssumedRole) and id(each) not in kept
    ]
    await run_all("could not close an STS client", closing)


async def stop_fetching(caches: Iterable[JwksCache]) -> None:
    await run_all("could not stop fetching an issuer's keys", [each.stop() for each in caches])


async def run_all(failure: str, work: Iterable[Awaitable[None]]) -> None:
    """Await all `work` concurrently. Logs `failure` for each exception."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, Exception):
            log.warning(failure, exc_info=outcome)
