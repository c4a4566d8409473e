"""A session in the pool, and the key by which it is found."""

import asyncio
import math
from dataclasses import dataclass
from typing import Protocol, Self

from service.clock import Clock
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.sessions.session import Session
from service.sessions.sts import Owner, SessionSource
from service.sessions.url_windows import WindowSigners
from service.signing.signer import Address, Signer


@dataclass(frozen=True, slots=True)
class SessionKey:
    """When a caller's grants change, its policy changes, and it gets another session."""

    bucket: str
    owner: Owner
    policy: str | None
    not_before: float = -math.inf  # epoch seconds: sessions that began earlier are revoked


@dataclass(frozen=True, slots=True)
class SigningSession:
    """A session, and the signer that keeps what is derived from it."""

    session: Session
    signer: Signer
    internal_signer: Signer  # for what the service itself sends
    # For URLs with `stable_for`: their timestamp differs from now, and would drop the other signer's templates.
    stable_signer: Signer

    @classmethod
    def at(cls, address: Address, session: Session) -> Self:
        signer, stable = (Signer(session.credentials, address) for _ in range(2))
        if address.inner is None:
            return cls(session, signer, signer, stable)
        return cls(session, signer, Signer(session.credentials, address.inner), stable)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSessions:
    """What the pool knows of a bucket. `longest_lifetime` is the longest lifetime granted, in seconds.

    `probe_policy` is that of the session which belongs to no caller; buckets of one `account` slow
    down together when STS throttles one of them.
    """

    source: SessionSource
    address: Address
    longest_lifetime: float
    probe_policy: str | None = None
    account: str = ""


class SessionObserver(Protocol):
    def refreshed(self, bucket: str, outcome: str, seconds: float) -> None:
        """An attempt has ended after so long: `ok`, `failed`, `throttled` or `permanent`."""

    def session(self, bucket: str, skew: float, packed_percent: int | None) -> None:
        """A session has come. `skew` is STS's clock less ours, in seconds."""


class NullObserver:
    """Nobody looks."""

    def refreshed(self, bucket: str, outcome: str, seconds: float) -> None:
        pass

    def session(self, bucket: str, skew: float, packed_percent: int | None) -> None:
        pass


class PooledSession:
    """A session in the making, in use or at its end, and the task that keeps it.

    `used_at`, `attempted_at` and `next_attempt_at` are in seconds of the boot clock.
    """

    def __init__(self, bucket: BucketSessions, chance: float, now: float) -> None:
        self.bucket = bucket
        self.chance = chance
        self.current: SigningSession | None = None
        self.kept = WindowSigners[SigningSession]()
        self.failures = 0  # in a row
        self.denied = False  # by the last attempt: the role may not be assumed
        self.suspected = False  # a caller's attempt has failed since the last success
        self.permanent = False  # by the last attempt: another one changes nothing
        self.attempted_at = -math.inf
        self.next_attempt_at = -math.inf
        self.refresh_requested = False
        self.wanted = False  # somebody has asked since the last attempt
        self.used_at = now
        self.attempted = asyncio.Event()
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def is_failing(self) -> bool:
        """One failure may be chance; a denial is none, nor is one beside a caller's failure."""
        return self.denied or self.failures > 1 or (self.failures > 0 and self.suspected)

    def is_alive(self, clock: Clock) -> bool:
        current = self.current
        return current is not None and current.session.remaining(clock) > EXPIRY_MARGIN + 1

    def age(self, clock: Clock) -> float:
        """Of the session, in seconds; infinite if there is none."""
        if self.current is None:
            return math.inf
        return self.current.session.now(clock) - self.current.session.starts_at
