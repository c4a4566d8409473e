"""Looks at the Redis or Valkey of rate limits and links: whether it answers, and keeps its data."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final, Protocol

from redis.exceptions import RedisError, ResponseError

from service.concurrency.causes import class_names
from service.operations.live.results import Path, Result

CALL_SECONDS: Final = 5.0


class Informant(Protocol):
    """A client of a Redis or Valkey."""

    def info(self, section: str) -> Awaitable[Mapping[str, Any]]:
        """Return the values of `INFO section`."""


async def check_store(at: Path, store: Informant, *, must_keep: bool) -> list[Result]:
    """Return what is found. `must_keep` is for the store of links: a revocation must not be lost.

    INFO, unlike CONFIG GET, is also allowed by providers that run the store for others.
    """
    try:
        memory = await store.info("memory")
        persistence = await store.info("persistence")
    except ResponseError:  # its message may repeat what was sent
        return [Result("warning", at, "its settings could not be read: INFO was refused")]
    except (RedisError, OSError) as error:
        return [Result("error", at, f"it cannot be reached: {class_names(error)}")]
    if not must_keep:
        return [Result("works", at, "it answers")]
    results = []
    if not persistence.get("aof_enabled"):
        text = "it has no append-only file, so a restart loses revocations; set appendonly yes"
        results.append(Result("error", at, text))
    policy = memory.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        text = f"it may evict revocations ({policy}); set maxmemory-policy noeviction"
        results.append(Result("error", at, text))
    return results or [Result("works", at, "it keeps its data")]
