"""The sessions in use: one a bucket and owner, each kept good by a task of the pool's own.

Rules of this file:
- The hot path is `current`, and it awaits nothing.
- An attempt belongs to the pool, never to a request: a caller that goes away stops nothing, and
  any number of callers wait for the same attempt.
- What is good stays until it dies or something better has come.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from service.errors import CredentialsUnavailable
from service.sessions.refresh import (
    EXPIRY_MARGIN,
    Keep,
    Refresh,
    Wait,
    backoff,
    is_better,
    next_step,
)
from service.sessions.session import Clock, Session
from service.sessions.sts import Owner, SessionRefused, SessionSource
from service.signing.signer import Address, Signer

log = logging.getLogger(__name__)

NO_SESSION: Final = "No session of the signing role can be had right now."
ATTEMPT_SECONDS: Final = 5.0  # the longest that STS may take, and that a cold caller waits
MAX_IN_FLIGHT: Final = 16  # calls to STS, a process
MAX_IN_FLIGHT_A_BUCKET: Final = 8  # so that one whose STS hangs leaves the others their places
MAX_SESSIONS: Final = 4096  # about 5 KiB each
HASTEN_PAUSE: Final = 30.0
_LONGEST_SLEEP: Final = 30.0
_LONGEST_IDLE: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SessionKey:
    bucket: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class SigningSession:
    """A session, and the signer that keeps what is derived from it."""

    session: Session
    signer: Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledBucket:
    """What the pool knows of a bucket. `promise` is the longest lifetime granted, in seconds."""

    source: SessionSource
    address: Address
    promise: float


class _Entry:
    def __init__(self, bucket: PooledBucket, chance: float, now: float) -> None:
        self.bucket = bucket
        self.chance = chance
        self.current: SigningSession | None = None
        self.failures = 0
        self.next_attempt_at = -math.inf
        self.hastened = False
        self.used_at = now
        self.attempted = asyncio.Event()
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class SessionPool:
    def __init__(
        self, buckets: Mapping[str, PooledBucket], *, clock: Clock, chance: Callable[[], float]
    ) -> None:
        """`chance` draws from [0, 1): the jitter of refreshes and retries."""
        self._buckets = buckets
        self._clock = clock
        self._chance = chance
        self._entries: dict[SessionKey, _Entry] = {}
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._in_flight_a_bucket = {
            bucket: asyncio.Semaphore(MAX_IN_FLIGHT_A_BUCKET) for bucket in buckets
        }

    def current(self, key: SessionKey) -> SigningSession | None:
        """The session, if there is one that a URL can still be signed with."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.used_at = self._clock.boot()
        if entry.current is None or not self._is_alive(entry.current):
            return None
        return entry.current

    async def ready(self, key: SessionKey) -> SigningSession:
        """The session; where there is none yet, wait for the one shared attempt."""
        if (session := self.current(key)) is not None:
            return session
        entry = self._entries.get(key) or self._open(key)
        if self._backoff_left(entry) <= 0:
            await self._attempted(entry)
        if (session := self.current(key)) is None:
            raise self._unavailable(entry)
        return session

    def hasten(self, key: SessionKey) -> int:
        """Refresh soon, though the session is still good for shorter lifetimes.

        Returns the seconds until it is worth asking again. A session younger than HASTEN_PAUSE is
        left alone, or a caller that insists could have us call STS all the time.
        """
        entry = self._entries[key]
        young_for = 0.0 if entry.current is None else HASTEN_PAUSE - self._age(entry.current)
        if young_for > 0:
            return math.ceil(young_for)
        entry.hastened = True
        entry.wake.set()
        return max(1, math.ceil(self._backoff_left(entry)))

    def is_alive(self, bucket: str) -> bool:
        """Whether the bucket's own session can sign: its role, its trust and the clock are well."""
        return self.current(SessionKey(bucket, None)) is not None

    def start(self) -> None:
        """Begin the buckets' own sessions. They come when they come: a start needs no STS."""
        for bucket in self._buckets:
            self._open(SessionKey(bucket, None))

    async def stop(self) -> None:
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        for entry in self._entries.values():
            entry.attempted.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._entries.clear()

    def _open(self, key: SessionKey) -> _Entry:
        self._make_room()
        entry = _Entry(self._buckets[key.bucket], self._chance(), self._clock.boot())
        self._entries[key] = entry
        entry.task = asyncio.create_task(self._keep(key, entry), name=f"session {key.bucket}")
        return entry

    def _make_room(self) -> None:
        """Let the longest idle go. The buckets' own stay: readiness hangs on them."""
        if len(self._entries) < MAX_SESSIONS:
            return
        idle = [(entry.used_at, key) for key, entry in self._entries.items() if key.owner]
        if not idle:
            return
        self._close(min(idle, key=lambda each: each[0])[1])

    def _close(self, key: SessionKey) -> None:
        entry = self._entries.pop(key)
        entry.attempted.set()
        if entry.task is not None and entry.task is not asyncio.current_task():
            entry.task.cancel()

    async def _keep(self, key: SessionKey, entry: _Entry) -> None:
        """Keep one session good until nobody asks for it any more."""
        while self._entries.get(key) is entry:
            match self._step(entry):
                case Refresh() if self._is_idle(key, entry):
                    self._close(key)
                case Refresh():
                    await self._attempt(key, entry)
                case Keep(seconds) | Wait(seconds):
                    await self._sleep(entry, seconds)

    def _step(self, entry: _Entry) -> Keep | Refresh | Wait:
        session = None if entry.current is None else entry.current.session
        return next_step(
            remaining=None if session is None else session.remaining(self._clock),
            # What STS gave, not what we asked for: it may give less.
            length=entry.bucket.source.length if session is None else session.length,
            promise=entry.bucket.promise,
            chance=entry.chance,
            backoff_left=self._backoff_left(entry),
            hastened=entry.hastened,
        )

    async def _attempt(self, key: SessionKey, entry: _Entry) -> None:
        try:
            places = self._in_flight_a_bucket[key.bucket], self._in_flight
            async with places[0], places[1], asyncio.timeout(ATTEMPT_SECONDS):
                session = await entry.bucket.source.fetch(key.owner)
            self._accept(entry, session)
        except asyncio.CancelledError as error:
            # Ours to obey only if it is this task that is being ended: an SDK may cancel itself.
            if entry.task is None or entry.task.cancelling():
                raise
            self._fail(key, entry, error)
        except Exception as error:  # noqa: BLE001 - whatever STS, DNS or TLS come up with
            self._fail(key, entry, error)
        entry.attempted.set()
        entry.attempted = asyncio.Event()

    def _accept(self, entry: _Entry, session: Session) -> None:
        ends = None if entry.current is None else entry.current.session.expires_at
        now = session.now(self._clock)
        if not is_better(candidate_expires_at=session.expires_at, current_expires_at=ends, now=now):
            raise SessionRefused("STS gave a session that has ended, or ends before ours.")
        signer = Signer(session.credentials, entry.bucket.address)
        entry.current = SigningSession(session, signer)
        entry.failures, entry.next_attempt_at = 0, -math.inf
        entry.hastened, entry.chance = False, self._chance()

    def _fail(self, key: SessionKey, entry: _Entry, error: BaseException) -> None:
        entry.failures += 1
        pause = backoff(entry.failures, self._chance())
        entry.next_attempt_at = self._clock.boot() + pause
        # The words of any other error may hold what STS answered, a secret among it.
        reason = str(error) if isinstance(error, SessionRefused) else type(error).__name__
        log.warning("no new session for bucket %s, again in %.0f s: %s", key.bucket, pause, reason)

    async def _attempted(self, entry: _Entry) -> None:
        """Wait until the attempt under way, or about to be, has ended. Cancelling this ends nothing."""
        entry.wake.set()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await entry.attempted.wait()
        except TimeoutError:
            return

    async def _sleep(self, entry: _Entry, seconds: float) -> None:
        entry.wake.clear()
        try:
            # Not asyncio.sleep alone: the loop's clock may stand still in a suspend, ours does not.
            async with asyncio.timeout(min(seconds, _LONGEST_SLEEP)):
                await entry.wake.wait()
        except TimeoutError:
            return

    def _is_idle(self, key: SessionKey, entry: _Entry) -> bool:
        """Whether nobody has used the session since it came, or wanted one for long.

        The bucket's own is always in use.
        """
        if key.owner is None:
            return False
        unused_for = self._clock.boot() - entry.used_at
        if entry.current is not None and self._is_alive(entry.current):
            return unused_for > self._age(entry.current)
        return unused_for > min(entry.bucket.source.length, _LONGEST_IDLE)

    def _is_alive(self, signing: SigningSession) -> bool:
        return signing.session.remaining(self._clock) > EXPIRY_MARGIN + 1

    def _age(self, signing: SigningSession) -> float:
        return signing.session.now(self._clock) - signing.session.starts_at

    def _backoff_left(self, entry: _Entry) -> float:
        return max(0.0, entry.next_attempt_at - self._clock.boot())

    def _unavailable(self, entry: _Entry) -> CredentialsUnavailable:
        return CredentialsUnavailable(
            NO_SESSION,
            retry_after=max(1, math.ceil(self._backoff_left(entry))),
        )
