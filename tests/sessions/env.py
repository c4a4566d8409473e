"""In virtual time: see `tests/support/fakes.py`. `asyncio.sleep` is how a test moves the clock."""

from dataclasses import dataclass, field

import pytest

from service.errors import CredentialsUnavailable
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions, SessionKey
from tests.support.fakes import ADDRESS, FakeClock, FakeSource, loop_clock

OWN = SessionKey("reports", None, None)
BILLING = SessionKey("reports", (None, "billing"), None)
PROMISE = 900.0
AT_ONCE = 0.01  # seconds
DUE_AT = 3600 - PROMISE - 60  # without jitter, a session of an hour is refreshed at this age


@dataclass
class Env:
    """A pool over one fake source a bucket."""

    clock: FakeClock
    source: FakeSource
    pool: SessionPool
    sources: dict[str, FakeSource] = field(default_factory=dict)


def make_env(*more: str, length: float = 3600, delay: float = 0.1, chance: float = 0) -> Env:
    """Buckets: `reports`, and what else is named."""
    clock = loop_clock()
    sources = {name: FakeSource(clock, length=length, delay=delay) for name in ("reports", *more)}
    buckets = {
        name: BucketSessions(source=source, address=ADDRESS, longest_lifetime=PROMISE)
        for name, source in sources.items()
    }
    pool = SessionPool(buckets, clock=clock, chance=lambda: chance)
    return Env(clock, sources["reports"], pool, sources)


def owned(number: int) -> SessionKey:
    return SessionKey("reports", (None, f"caller-{number}"), None)


async def refusal(env: Env, key: SessionKey = OWN) -> CredentialsUnavailable:
    with pytest.raises(CredentialsUnavailable) as refused:
        await env.pool.ready(key)
    return refused.value
