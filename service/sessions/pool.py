"""The sessions in use: one for each bucket and owner. A task of the pool refreshes each.

Rules of this file:
- `current` is the hot path. It awaits nothing.
- An attempt belongs to the pool, never to a request: a client that disconnects stops nothing, and any
  number of requests wait for the same attempt.
- A good session stays in use until it expires or a better one has arrived.
"""

import asyncio
import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextvars import Context
from typing import Final

from service.clock import Clock
from service.concurrency.waiting import Waiting
from service.errors import CredentialsUnavailable
from service.sessions.attempts import ATTEMPT_SECONDS, Attempts
from service.sessions.history import History
from service.sessions.keeper import Keeper
from service.sessions.pool_entry import (
    BucketSessions,
    NullObserver,
    PooledSession,
    SessionKey,
    SessionObserver,
    SigningSession,
)
from service.sessions.refresh_policy import EXPIRY_MARGIN, MIN_REFRESH_AGE
from service.sessions.sts import Owner
from service.sessions.url_windows import Window

NO_SESSION: Final = "No session of the signing role can be had right now."
MAX_SESSIONS: Final = 4096  # about 5 KiB each


class SessionPool:
    def __init__(
        self,
        buckets: Mapping[str, BucketSessions],
        *,
        clock: Clock,
        chance: Callable[[], float],
        observer: SessionObserver | None = None,
        history: History | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        """`chance` returns a random number in [0, 1): the jitter of refreshes and retries.

        `history` remembers each session beyond its end; `waiting` limits how many requests wait for
        the sessions of a bucket.
        """
        self._waiting = waiting or Waiting()
        self._buckets = dict(buckets)
        self._clock = clock
        self._chance = chance
        self._history = history or History(clock)
        self._entries: dict[SessionKey, PooledSession] = {}
        self._attempts = Attempts(
            clock=clock,
            chance=chance,
            observer=observer or NullObserver(),
            history=self._history,
            entries=self._entries,
            own=self._own_entry,
        )
        self._keeper = Keeper(self._attempts, clock)

    def current(self, key: SessionKey) -> SigningSession | None:
        """Return the session, or None if there is none that can still sign a URL."""
        found = self.current_at(key)
        return None if found is None else found[0]

    def current_at(self, key: SessionKey) -> tuple[SigningSession, float] | None:
        """As `current`, with the time by the session's clock, in epoch seconds."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.used_at = self._clock.boot()
        if (current := entry.current) is None:
            return None
        now = current.session.now(self._clock)
        alive = current.session.expires_at - now > EXPIRY_MARGIN + 1
        return (current, now) if alive else None

    def kept(self, key: SessionKey, window: Window, wish: Hashable) -> SigningSession | None:
        """Return the session that already signs this kind of request in this window, or None."""
        return self._entries[key].kept.find(window, wish)

    def keep(
        self, key: SessionKey, window: Window, wish: Hashable, signing: SigningSession
    ) -> None:
        self._entries[key].kept.keep(window, wish, signing)

    async def ready(self, key: SessionKey) -> SigningSession:
        """Wait for the shared attempt if there is no session or a new one is due. Raises CredentialsUnavailable."""
        if (session := self.current(key)) is not None and not self._entries[key].refresh_requested:
            return session
        if key.bucket not in self._buckets:  # it was removed while somebody waited
            raise CredentialsUnavailable(NO_SESSION, retry_after=1)
        entry = self._entries.get(key) or self._open(key)
        if self._attempts.backoff_left(key, entry) <= 0:
            await self._attempted(key, entry)
        else:
            self._attempts.hurry(key.bucket)
        if (session := self.current(key)) is not None:
            return session
        bucket = self._buckets.get(key.bucket)
        if bucket is not None and bucket.source is not entry.bucket.source:
            return await self.ready(key)  # its bucket was replaced while we waited
        raise self._unavailable(key, entry)

    def request_refresh(self, key: SessionKey) -> int:
        """Request a refresh, though the session can still sign shorter lifetimes.

        Returns the seconds until it is worth asking again. A session younger than HASTEN_PAUSE is
        left alone, or a caller that insists could have us call STS all the time.
        """
        entry = self._entries[key]
        young_for = MIN_REFRESH_AGE - entry.age(self._clock)
        if young_for > 0:
            return math.ceil(young_for)
        entry.refresh_requested = True
        entry.wake.set()
        return max(1, math.ceil(self._attempts.backoff_left(key, entry)))

    def renew(self, key: SessionKey) -> bool:
        """Request a refresh. Return True if awaiting `ready` may give a new session."""
        self.request_refresh(key)
        entry = self._entries[key]
        return entry.refresh_requested and self._attempts.backoff_left(key, entry) <= 0

    def is_alive(self, bucket: str) -> bool:
        """Whether the bucket's own session can sign, so that role, trust policy and clock are right."""
        return self.current(self._own(bucket)) is not None

    def start(self) -> None:
        """Start to get the buckets' own sessions, without waiting: the service starts without STS."""
        for bucket in self._buckets:
            self._open(self._own(bucket))

    def replace(
        self,
        buckets: Mapping[str, BucketSessions],
        not_before: Callable[[Owner], float] = lambda _: -math.inf,
    ) -> None:
        """Use these buckets from now on. A bucket with the same source keeps its sessions.

        `not_before` is when an owner's sessions may have begun; of another time, they are dropped.
        """
        self._buckets = dict(buckets)
        for key, entry in list(self._entries.items()):
            if self._is_served(key, entry) and key.not_before == not_before(key.owner):
                self._move(entry, buckets[key.bucket])
            else:
                self._close(key)
        for bucket in buckets:
            if self._own(bucket) not in self._entries:
                self._open(self._own(bucket))

    def sessions_left(self) -> Iterator[tuple[str, int, float]]:
        """For each bucket: the number of sessions, and the seconds until the first one ends."""
        left: dict[str, list[float]] = {bucket: [] for bucket in self._buckets}
        for key, entry in self._entries.items():
            current = entry.current
            remaining = 0.0 if current is None else current.session.remaining(self._clock)
            left[key.bucket].append(max(0.0, remaining))
        for bucket, seconds in left.items():
            yield bucket, len(seconds), min(seconds, default=0.0)

    async def stop(self) -> None:
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        for entry in self._entries.values():
            entry.attempted.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._entries.clear()
        self._history.clear()

    def _own(self, bucket: str) -> SessionKey:
        return SessionKey(bucket, None, self._buckets[bucket].probe_policy)

    def _own_entry(self, bucket: str) -> PooledSession | None:
        return self._entries.get(self._own(bucket)) if bucket in self._buckets else None

    def _is_served(self, key: SessionKey, entry: PooledSession) -> bool:
        """Whether the session is still of use. No other bucket's own one is ever idle."""
        bucket = self._buckets.get(key.bucket)
        if bucket is None or bucket.source is not entry.bucket.source:
            return False
        return key.owner is not None or key == self._own(key.bucket)

    def _move(self, entry: PooledSession, bucket: BucketSessions) -> None:
        """The session stays, though the bucket may be elsewhere now."""
        current = entry.current
        if current is not None and bucket.address != entry.bucket.address:
            entry.current = SigningSession.at(bucket.address, current.session)
            entry.kept.clear()
        entry.bucket = bucket

    def _open(self, key: SessionKey) -> PooledSession:
        self._make_room()
        entry = PooledSession(self._buckets[key.bucket], self._chance(), self._clock.boot())
        self._entries[key] = entry
        # In a context of its own: what it logs belongs to no request.
        entry.task = asyncio.create_task(
            self._keep(key, entry), name=f"session {key.bucket}", context=Context()
        )
        return entry

    def _make_room(self) -> None:
        """Drop the longest idle session. The buckets' own stay: readiness depends on them."""
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

    async def _keep(self, key: SessionKey, entry: PooledSession) -> None:
        await self._keeper.keep(key, entry)
        self._close(key)

    async def _attempted(self, key: SessionKey, entry: PooledSession) -> None:
        """Wait until the current or next attempt has ended. Cancelling this does not cancel the attempt."""
        entry.wanted = True
        entry.wake.set()
        what = ("STS", key.bucket)
        if not self._waiting.enter(what):
            return
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await entry.attempted.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.leave(what)

    def _unavailable(self, key: SessionKey, entry: PooledSession) -> CredentialsUnavailable:
        return CredentialsUnavailable(
            NO_SESSION,
            retry_after=max(1, math.ceil(self._attempts.backoff_left(key, entry))),
        )
