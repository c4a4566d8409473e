"""Fakes for time and for STS.

Under `in_virtual_time` an event loop uses the fake clock, and waiting advances it. So a test of a
whole day takes milliseconds, and no test depends on the speed of the machine.
"""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, ParamSpec

from service.access.callers import CallerEntry, Identity
from service.access.grants import Caller, Grant, Operation
from service.access.session_policy import bucket_arns
from service.auth.api_keys import ApiKeys
from service.presigning.audit import Requester
from service.presigning.snapshot import Bucket, Snapshot
from service.sessions.session import Session
from service.sessions.sts import Owner
from service.signing.signer import Address
from service.signing.sigv4 import Credentials

P = ParamSpec("P")

TURN_SECONDS = 1e-6  # of virtual time for each turn of the loop, so that every wait ends
WALL = 1_767_225_600.0  # 2026-01-01T00:00:00Z, when each fake clock starts
SECRET = "wJalrXUtnFEMI-sentinel-secret"
TOKEN = "FwoGZXIvYXdz-sentinel-token"
ADDRESS = Address(
    scheme="https",
    host="acme-reports.s3.eu-west-1.amazonaws.com",
    path_prefix="/",
    region="eu-west-1",
)
CALLER = Caller(issuer=None, subject="billing")
REQUESTER = Requester(Identity(CALLER), "request-1", "192.0.2.1")


class FakeClock:
    """A clock that only moves when told to. `skew` is the error of the machine's wall clock."""

    def __init__(self, *, skew: float = 0.0) -> None:
        self.skew = skew
        self.running = 0.0
        self.suspended = 0.0

    def wall(self) -> float:
        return WALL + self.boot() + self.skew

    def boot(self) -> float:
        return self.running + self.suspended

    def move(self, seconds: float) -> None:
        self.running += seconds

    def suspend(self, seconds: float) -> None:
        """Suspend the machine: the event loop's clock and timers do not advance."""
        self.suspended += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("all tasks are waiting, and no timer is set")
        self._clock.move(max(TURN_SECONDS, timeout or 0.0))
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(_JumpingSelector(self.clock))

    def time(self) -> float:
        return self.clock.running


def in_virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test on its own event loop, which never really waits."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(main())

    return run


def loop_clock() -> FakeClock:
    """Return the virtual clock of the running test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop.clock


class FakeSource:
    """A fake STS that answers after `delay` seconds; its attributes may be changed at any time.

    Sessions last `lives` seconds if set, otherwise `length`; `fault` is raised instead of an
    answer. The server's clock is always right, even if the machine's is wrong.
    """

    def __init__(self, clock: FakeClock, *, length: float = 3600.0, delay: float = 0.0) -> None:
        self.length = length
        self.delay = delay
        self.lives: float | None = None
        self.fault: BaseException | None = None
        self.hangs = False
        self.asked: list[Owner] = []
        self.policies: list[str | None] = []
        self.asked_at: list[float] = []
        self.given: list[Session] = []
        self._clock = clock

    async def fetch(self, owner: Owner, policy: str | None) -> Session:
        self.asked.append(owner)
        self.policies.append(policy)
        asked_at = self._clock.boot()
        self.asked_at.append(asked_at)
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)
        if self.fault is not None:
            raise self.fault
        self.given.append(self._session(asked_at))
        return self.given[-1]

    def _session(self, asked_at: float) -> Session:
        now = server_time(self._clock)
        return Session(
            credentials=credentials(f"ASIAFAKE{len(self.given):012}"),
            name="presign",
            starts_at=now,
            expires_at=now + (self.length if self.lives is None else self.lives),
            server_time_at_boot=now - asked_at,
        )


def server_time(clock: FakeClock) -> float:
    return WALL + clock.boot()


def credentials(access_key_id: str = "ASIAFAKE000000000000") -> Credentials:
    return Credentials(access_key_id=access_key_id, secret_access_key=SECRET, session_token=TOKEN)


def make_bucket(**changes: Any) -> Bucket:
    arns = bucket_arns("acme-reports", partition="aws")
    bucket = Bucket(s3_bucket="acme-reports", address=ADDRESS, arns=arns)
    return replace(bucket, **changes)


def make_grant(**changes: Any) -> Grant:
    """Return a grant on everything in `reports`, without limits and without overwriting."""
    return replace(Grant(bucket="reports", prefix="", allow=frozenset(Operation)), **changes)


def make_caller_entry(caller: Caller, *grants: Grant) -> CallerEntry:
    return CallerEntry(issuer=caller.issuer, subject=caller.subject, grants=grants)


def make_snapshot(
    *grants: Grant, buckets: Mapping[str, Bucket] | None = None, default_expires_in: int = 900
) -> Snapshot:
    """Return a snapshot with one bucket, `reports` by default, and one caller with `grants`."""
    return Snapshot(
        buckets={"reports": make_bucket()} if buckets is None else buckets,
        callers=(make_caller_entry(CALLER, *grants),),
        api_keys=ApiKeys(()),
        default_expires_in=default_expires_in,
    )
