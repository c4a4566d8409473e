"""The first layer: a session pool over fake sources of sessions, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from service.app.session_sources import CredentialOrigin, MakeSource
from service.clock import Clock
from service.errors import CredentialsUnavailable
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions, SessionKey
from service.sessions.session import Session
from service.sessions.source import Owner
from service.telemetry.spans import NO_SPANS, Spans
from tests.support.factories import ADDRESS, make_credentials
from tests.support.observers import NullObserver
from tests.support.virtual_time import FakeClock, loop_clock, server_time

OWN: Final = SessionKey("reports", None, None)
BILLING: Final = SessionKey("reports", (None, "billing"), None)
LONGEST_LIFETIME: Final = 900.0
AT_ONCE: Final = 0.01  # seconds
# Without jitter, a session of an hour is refreshed at this age.
REFRESH_AGE: Final = 3600 - LONGEST_LIFETIME - 60


class FakeSource:
    """A fake STS that responds after `delay` seconds; its attributes may be changed at any time.

    Sessions last `actual_seconds` if set, otherwise `length`. `error` is raised instead of a
    response, and so is the owner's error in `errors`. The server's clock is always right, even if
    the machine's is wrong.
    """

    def __init__(self, clock: FakeClock, *, length: float = 3600.0, delay: float = 0.0) -> None:
        self.length = length
        self.delay = delay
        self.actual_seconds: float | None = None
        self.error: BaseException | None = None
        self.errors: dict[Owner, Exception] = {}
        self.hangs = False
        self.fetched: list[Owner] = []
        self.fetched_at: list[float] = []
        self.policies: list[str | None] = []
        self.vended: list[bool] = []
        self.sessions: list[Session] = []
        self._clock = clock

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        error = self.errors.get(owner)
        fetched_at = self._clock.boot()
        self.fetched.append(owner)
        self.fetched_at.append(fetched_at)
        self.policies.append(policy)
        self.vended.append(vended)
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        self.sessions.append(self._session(fetched_at))
        if error is not None:
            raise error
        return self.sessions[-1]

    def _session(self, fetched_at: float) -> Session:
        now = server_time(self._clock)
        seconds = self.length if self.actual_seconds is None else self.actual_seconds
        return Session(
            credentials=make_credentials(f"ASIAFAKE{len(self.sessions):012}"),
            name="presign",
            starts_at=now,
            expires_at=now + seconds,
            server_time_at_boot=now - fetched_at,
        )


class FakeSources(dict[str, FakeSource]):
    """The sources of an app's buckets, by name, once `open` has made them."""

    def __init__(self, *, delay: float = 0.1) -> None:
        super().__init__()
        self._delay = delay

    @asynccontextmanager
    async def open(self, clock: Clock) -> AsyncIterator[MakeSource]:
        assert isinstance(clock, FakeClock)

        async def make(name: str, origin: CredentialOrigin) -> FakeSource:
            self[name] = FakeSource(clock, delay=self._delay)
            return self[name]

        yield make


@dataclass
class PoolHarness:
    """A pool over one fake source for each bucket. `source` is the one of `reports`."""

    clock: FakeClock
    pool: SessionPool
    sources: Mapping[str, FakeSource]

    @property
    def source(self) -> FakeSource:
        return self.sources["reports"]

    async def refusal(self, key: SessionKey = OWN) -> CredentialsUnavailable:
        with pytest.raises(CredentialsUnavailable) as refused:
            await self.pool.ready(key)
        return refused.value


def make_pool_harness(
    *more_buckets: str,
    length: float = 3600,
    delay: float = 0.1,
    jitter: Callable[[], float] = lambda: 0.0,
    accounts: Mapping[str, str] | None = None,
    probe_policy: str | None = None,
    spans: Spans = NO_SPANS,
) -> PoolHarness:
    """Return a pool for `reports` and `more_buckets`; `accounts` are by bucket."""
    clock = loop_clock()
    names = ("reports", *more_buckets)
    sources = {name: FakeSource(clock, length=length, delay=delay) for name in names}
    buckets = {
        name: BucketSessions(
            source=source,
            address=ADDRESS,
            longest_lifetime=LONGEST_LIFETIME,
            account=(accounts or {}).get(name, ""),
            probe_policy=probe_policy,
        )
        for name, source in sources.items()
    }
    observer = NullObserver()
    pool = SessionPool(buckets, clock=clock, jitter=jitter, observer=observer, spans=spans)
    return PoolHarness(clock, pool, sources)


def make_session_key(number: int) -> SessionKey:
    """Return the key of the session of caller `number`."""
    return SessionKey("reports", (None, f"caller-{number}"), None)
