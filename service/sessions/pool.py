"""The sessions in use: one for each bucket and owner. A background task refreshes each.

Rules of this file:
- `current` is on the hot path and awaits nothing.
- Requests share an attempt, which belongs to none of them: a client that disconnects stops nothing.
- A good session stays in use until it expires or a better one has arrived.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from typing import Final

from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts
from service.concurrency.waiting import Waiting
from service.errors import CredentialsUnavailable
from service.sessions.attempts import ATTEMPT_SECONDS, RefreshAttempts
from service.sessions.history import History
from service.sessions.pool_entry import (
    BucketSessions,
    PooledSession,
    SessionKey,
    SessionObserver,
    SigningSession,
)
from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from service.sessions.source import Owner
from service.sessions.url_windows import StableSigners
from service.telemetry.spans import NO_SPANS, Spans

NO_SESSION: Final = "No session of the signing role is available right now."
TOO_MANY_WAIT: Final = "Too many requests are already waiting for a session."
MAX_SESSIONS: Final = 4096  # about 18 KiB each, with what its caller caches
# Vended sessions of one caller on one bucket. The caller chooses how to narrow them, and could
# otherwise make us call STS with each request. One that nobody asked for in a minute makes room.
MAX_VENDED: Final = 16
VENDED_HOLD: Final = 60.0  # seconds
_TOO_MANY: Final = f"At most {MAX_VENDED} different prefixes and permissions are in use at a time."


class SessionPool:
    def __init__(
        self,
        buckets: Mapping[str, BucketSessions],
        *,
        clock: Clock,
        jitter: Callable[[], float],
        observer: SessionObserver,
        history: History | None = None,
        waiting: Waiting | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`jitter` returns a random number in [0, 1): the jitter of refreshes and retries.

        `history` remembers sessions beyond their end. `waiting` limits how many requests wait.
        """
        self._waiting = waiting or Waiting()
        self._buckets = dict(buckets)
        self._clock = clock
        self._jitter = jitter
        self._history = history or History(clock)
        self._entries: dict[SessionKey, PooledSession] = {}
        self._attempts = RefreshAttempts(
            clock=clock,
            jitter=jitter,
            observer=observer,
            spans=spans,
            history=self._history,
            entries=self._entries,
            own=self._own_entry,
        )

    def current(self, key: SessionKey) -> SigningSession | None:
        """Return the session, or None if there is none that can still sign a URL."""
        found = self.current_at(key)
        return None if found is None else found[0]

    def current_at(self, key: SessionKey) -> tuple[SigningSession, float] | None:
        """Return the session like `current`, with the time by its clock in epoch seconds."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.used_at = self._clock.boot()
        if (current := entry.current) is None:
            return None
        now = current.session.now(self._clock)
        alive = current.session.expires_at - now > EXPIRY_MARGIN + 1
        return (current, now) if alive else None

    def time(self, bucket: str) -> float:
        """Return epoch seconds by STS's clock, as the bucket's own session knows it, else by ours.

        For what no session signs.
        """
        found = self.current_at(self._own(bucket)) if bucket in self._buckets else None
        return self._clock.wall() if found is None else found[1]

    def windows(self, key: SessionKey) -> StableSigners[SigningSession]:
        """Return which sessions sign URLs with `stable_for`."""
        return self._entries[key].windows

    async def ready(self, key: SessionKey, seconds: float = ATTEMPT_SECONDS) -> SigningSession:
        """Return the session. If there is none, or a refresh was requested, wait for the attempt.

        It waits for at most `seconds`; the attempt goes on after that. Raises
        CredentialsUnavailable.
        """
        if (session := self.current(key)) is not None and not self._entries[key].refresh_requested:
            return session
        if key.bucket not in self._buckets:  # removed while the request waited
            raise CredentialsUnavailable(NO_SESSION, retry_after=1)
        entry, detail = self._entries.get(key) or self._open(key), NO_SESSION
        if self._begins(key, entry):
            if not await entry.attempts.wait(seconds, ("STS", key.bucket)):
                detail = TOO_MANY_WAIT
        else:
            self._attempts.retry_soon(key.bucket)
        if (session := self.current(key)) is not None:
            return session
        bucket = self._buckets.get(key.bucket)
        # It may have been replaced while the request waited.
        if bucket is not None and bucket.source is not entry.bucket.source:
            return await self.ready(key, seconds)
        retry_after = max(1, math.ceil(self._attempts.backoff_left(key, entry)))
        raise CredentialsUnavailable(detail, retry_after=retry_after)

    async def errors(
        self, keys: Collection[SessionKey]
    ) -> dict[SessionKey, CredentialsUnavailable | None]:
        """Wait for sessions as `ready` waits for one. Return the error of each, or None.

        All attempts begin at once. They are awaited in turn, so that a request waits in one place.
        """
        for key in keys:
            if key.bucket in self._buckets and self.current(key) is None:
                self._begins(key, self._entries.get(key) or self._open(key))
        found, until = dict.fromkeys(keys), self._clock.boot() + ATTEMPT_SECONDS
        for key in keys:
            try:
                await self.ready(key, until - self._clock.boot())
            except CredentialsUnavailable as refusal:
                found[key] = refusal
        return found

    def request_refresh(self, key: SessionKey) -> int:
        """Request a refresh, though the session can still sign shorter lifetimes.

        Return the seconds until a retry can succeed. A session younger than MIN_REFRESH_AGE is
        not refreshed: otherwise a caller could make us call STS all the time.
        """
        entry = self._entries[key]
        young_for = MIN_REFRESH_AGE - entry.age(self._clock)
        if young_for > 0:
            return math.ceil(young_for)
        entry.refresh_requested = True
        entry.attempts.wake()
        return max(1, math.ceil(self._attempts.backoff_left(key, entry)))

    def renew(self, key: SessionKey) -> bool:
        """Request a refresh. Return True if awaiting `ready` may give a new session."""
        self.request_refresh(key)
        entry = self._entries[key]
        return entry.refresh_requested and self._attempts.backoff_left(key, entry) <= 0

    def is_alive(self, bucket: str) -> bool:
        """Return whether the bucket's own session can sign, so role, trust and clock are right."""
        return self.current(self._own(bucket)) is not None

    def role_id(self, bucket: str) -> str | None:
        """Return the unique id of the bucket's role. None while STS has not said it."""
        entry = self._own_entry(bucket)
        return None if entry is None or entry.current is None else entry.current.session.role_id

    def has_begun(self, bucket: str) -> bool:
        """Return whether the bucket has ever had a session of its own, so `role_id` is final."""
        entry = self._own_entry(bucket)
        return entry is not None and entry.current is not None

    def retry_soon(self) -> None:
        """Make the next attempt of each bucket due soon, if the last one failed."""
        for bucket in self._buckets:
            self._attempts.retry_soon(bucket)

    def start(self) -> None:
        """Start to get the buckets' own sessions. Nothing waits: the service starts without STS."""
        for bucket in self._buckets:
            self._open(self._own(bucket))

    def replace(
        self,
        buckets: Mapping[str, BucketSessions],
        cutoffs: Callable[[Owner], Container[float]] = lambda _: (-math.inf,),
    ) -> None:
        """Use these buckets from now on. A bucket with the same source keeps its sessions.

        `cutoffs` returns the times of which the key of an owner's session must have one. Others
        are dropped.
        """
        self._buckets = dict(buckets)
        for key, entry in list(self._entries.items()):
            if self._is_served(key, entry) and key.not_before in cutoffs(key.owner):
                self._move(entry, buckets[key.bucket])
            else:
                self._close(key)
        for bucket in buckets:
            if self._own(bucket) not in self._entries:
                self._open(self._own(bucket))

    def sessions_left(self) -> Iterator[tuple[str, int, float]]:
        """Yield each bucket, its number of sessions, and the seconds until the first one ends."""
        left: dict[str, list[float]] = {bucket: [] for bucket in self._buckets}
        for key, entry in self._entries.items():
            left[key.bucket].append(max(0.0, entry.remaining(self._clock)))
        for bucket, seconds in left.items():
            yield bucket, len(seconds), min(seconds, default=0.0)

    def attempts(self) -> Iterator[SharedAttempts]:
        """Yield what refreshes each session."""
        return (entry.attempts for entry in self._entries.values())

    async def stop(self) -> None:
        await asyncio.gather(*(entry.attempts.stop() for entry in self._entries.values()))
        self._entries.clear()
        self._history.clear()

    def _begins(self, key: SessionKey, entry: PooledSession) -> bool:
        """Make an attempt, unless the last one has failed too recently."""
        if self._attempts.backoff_left(key, entry) > 0:
            return False
        entry.wanted = True
        entry.attempts.wake()
        return True

    def _own(self, bucket: str) -> SessionKey:
        return SessionKey(bucket, None, self._buckets[bucket].probe_policy)

    def _own_entry(self, bucket: str) -> PooledSession | None:
        return self._entries.get(self._own(bucket)) if bucket in self._buckets else None

    def _is_served(self, key: SessionKey, entry: PooledSession) -> bool:
        """Whether to keep the session. A bucket's outdated own session would never become idle."""
        bucket = self._buckets.get(key.bucket)
        if bucket is None or bucket.source is not entry.bucket.source:
            return False
        return key.owner is not None or key == self._own(key.bucket)

    def _move(self, entry: PooledSession, bucket: BucketSessions) -> None:
        """Keep the session, though the bucket's address may have changed."""
        current = entry.current
        if current is not None and bucket.address != entry.bucket.address:
            entry.current = SigningSession.at(bucket.address, current.session)
            entry.windows.clear()
        entry.bucket = bucket

    def _open(self, key: SessionKey) -> PooledSession:
        if key.vended:
            self._make_room_for_vended(key)
        self._make_room()
        entry = PooledSession(self._buckets[key.bucket], self._jitter(), self._clock.boot())
        entry.attempts = SharedAttempts(
            lambda: self._step(key, entry), name=f"session {key.bucket}", waiting=self._waiting
        )
        self._entries[key] = entry
        entry.attempts.start()
        return entry

    async def _step(self, key: SessionKey, entry: PooledSession) -> float | None:
        seconds = await self._attempts.step(key, entry)
        if seconds is None:
            self._close(key)
        return seconds

    def _make_room(self) -> None:
        """Drop the longest unused session. The buckets' own stay: readiness depends on them."""
        if len(self._entries) >= MAX_SESSIONS:
            callers = [key for key in self._entries if key.owner is not None]
            if callers:
                self._close(min(callers, key=lambda key: self._entries[key].used_at))

    def _make_room_for_vended(self, key: SessionKey) -> None:
        """Drop the longest unused of the caller's vended sessions, if there are too many.

        Raises CredentialsUnavailable if all of them are in use.
        """
        of_caller = (key.bucket, key.owner)
        vended = [k for k in self._entries if k.vended and (k.bucket, k.owner) == of_caller]
        if len(vended) < MAX_VENDED:
            return
        unused = min(vended, key=lambda key: self._entries[key].used_at)
        hold = VENDED_HOLD - (self._clock.boot() - self._entries[unused].used_at)
        if hold > 0:
            raise CredentialsUnavailable(_TOO_MANY, retry_after=math.ceil(hold))
        self._close(unused)

    def _close(self, key: SessionKey) -> None:
        self._entries.pop(key).attempts.cancel()
