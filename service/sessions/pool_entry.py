"""A session in the pool, and its key."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.sessions.session import Session
from service.sessions.source import Owner, SessionSource
from service.sessions.url_windows import StableSigners
from service.signing.signer import Address, RequestSigner


class SessionKey(NamedTuple):
    """Names a session. A caller whose grants change has another policy, and so another session.

    A `vended` session signs nothing here: a program gets its credentials.
    """

    bucket: str
    owner: Owner
    policy: str | None
    not_before: float = -math.inf  # epoch seconds: sessions that began earlier are revoked
    vended: bool = False


@dataclass(frozen=True, slots=True)
class SigningSession:
    """A session, and the signers that cache what is derived from it."""

    session: Session
    signer: RequestSigner
    internal_signer: RequestSigner  # for the service's own requests
    # For URLs with `stable_for`: their timestamp differs from now, and would invalidate the
    # per-second caches of `signer`.
    stable_signer: RequestSigner

    @classmethod
    def at(cls, address: Address, session: Session) -> Self:
        signer, stable = (session.signer(address) for _ in range(2))
        if address.internal is None:
            return cls(session, signer, signer, stable)
        return cls(session, signer, session.signer(address.internal), stable)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSessions:
    """A bucket's source of sessions. `longest_lifetime` is the longest one granted, in seconds.

    `probe_policy` is the session policy of the bucket's own session. All buckets of an `account`
    back off when STS throttles one of them. Traces name the source's calls by `call`.
    """

    source: SessionSource
    address: Address
    longest_lifetime: float
    probe_policy: str | None = None
    account: str = ""
    call: str = "STS.AssumeRole"


class SessionObserver(Protocol):
    def refreshed(self, bucket: str, outcome: str, seconds: float) -> None:
        """An attempt took `seconds`: `ok`, `failed`, `throttled` or `lasting`."""

    def session(self, bucket: str, skew: float, packed_percent: int | None) -> None:
        """A new session arrived. `skew` is STS's clock minus ours, in seconds."""


class PooledSession:
    """An entry of the pool, with or without a session, and the attempts that refresh it.

    `used_at`, `attempted_at` and `next_attempt_at` are seconds of the boot clock.
    """

    attempts: SharedAttempts

    def __init__(self, bucket: BucketSessions, jitter: float, now: float) -> None:
        self.bucket = bucket
        self.jitter = jitter
        self.current: SigningSession | None = None
        self.windows = StableSigners[SigningSession]()
        self.failures = 0  # in a row
        self.denied = False  # by the last attempt: the role may not be assumed
        self.suspected = False  # a caller's attempt has failed since the last success
        self.permanent = False  # by the last attempt: another one changes nothing
        self.attempted_at = -math.inf
        self.next_attempt_at = -math.inf
        self.refresh_requested = False
        self.wanted = False  # a request has asked for it since the last attempt
        self.used_at = now

    @property
    def is_failing(self) -> bool:
        """Whether the role fails: after a denial, or a second failure, a caller's included."""
        return self.denied or self.failures > 1 or (self.failures > 0 and self.suspected)

    @property
    def length(self) -> float:
        """The seconds that STS granted, which may be fewer than requested."""
        return self.bucket.source.length if self.current is None else self.current.session.length

    def remaining(self, clock: Clock) -> float:
        """Return the seconds that the session has left, or negative infinity if there is none."""
        return -math.inf if self.current is None else self.current.session.remaining(clock)

    def is_alive(self, clock: Clock) -> bool:
        return self.remaining(clock) > EXPIRY_MARGIN + 1

    def age(self, clock: Clock) -> float:
        """Return the age of the session in seconds, or infinity if there is none."""
        if self.current is None:
            return math.inf
        return self.current.session.now(clock) - self.current.session.starts_at
