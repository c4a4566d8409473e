"""Looks at what the service needs besides buckets: roles, the clock, issuers, shared stores."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final, Protocol

from redis.exceptions import RedisError, ResponseError

from service.auth.jwks_client import JwksSource, KeysUnavailable
from service.auth.tokens import UnreadableKeys, read_keys
from service.concurrency.causes import class_names
from service.operations.live.results import Path, Result
from service.sessions.r2_tokens import R2Session
from service.sessions.session import Session
from service.sessions.source import SessionRefused, SessionSource

# Tokens are checked by this machine's clock, with a leeway of seconds. A minute allows for answers
# that are late.
MAX_CLOCK_ERROR: Final = 60.0
CALL_SECONDS: Final = 5.0


async def open_session(
    source: SessionSource, at: Path, probe_policy: str | None, policy: str | None = None
) -> tuple[Session | None, list[Result]]:
    """Return a session with what `policy` allows, or the role, and what was found.

    With `probe_policy`, which denies everything, the source must accept session policies.
    """
    try:
        if probe_policy is not None:
            await source.fetch(None, probe_policy)
        session = await source.fetch(None, policy)
    except SessionRefused as error:
        hint = "; compare its trust policy with what `presign iam` prints" if error.denied else ""
        return None, [Result("error", at, f"there is no session: {error}{hint}")]
    if isinstance(session, R2Session):
        return session, [Result("works", at, "the keys sign tokens of R2")]
    if session.server_time_at_boot is None:
        return session, [Result("works", at, "there are static keys")]
    length = f"{session.length:.0f} s"
    return session, [Result("works", at, f"the role can be assumed, for {length}")]


def check_clock(ahead: float) -> Result:
    """`ahead` is by how many seconds this machine's clock is ahead of the stores' and STS's."""
    if abs(ahead) <= MAX_CLOCK_ERROR:
        return Result("works", (), "the clock agrees with those of STS and the stores")
    direction = "ahead of" if ahead > 0 else "behind"
    return Result(
        "error",
        (),
        f"the clock is {abs(ahead):.0f} s {direction} that of STS or a store; correct it: tokens "
        "are checked by it, and static keys cannot sign with a clock that is 15 minutes wrong",
    )


async def check_issuer(name: str, source: JwksSource) -> Result:
    at: Path = ("issuers", name, "jwks_url")
    try:
        keys = read_keys(await source.fetch())
    except (KeysUnavailable, UnreadableKeys) as error:
        return Result("error", at, f"there are no keys: {error}")
    if not keys:
        return Result("error", at, "there are no keys: the issuer has withdrawn all of them")
    return Result("works", at, f"{len(keys)} key{'' if len(keys) == 1 else 's'}")


class InfoClient(Protocol):
    """A client of a Redis or Valkey."""

    def info(self, section: str) -> Awaitable[Mapping[str, Any]]:
        """Return the values of `INFO section`."""


async def check_store(at: Path, store: InfoClient, *, must_keep: bool) -> list[Result]:
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
