"""Attempts to get a session: how many at a time, their outcome, and when the next one may start.

Rules of this file:
- When STS throttles one call, all sessions of that account back off.
- While a bucket's own session fails, its callers' sessions wait for that one: thousands of callers do
  not each ask for a role that cannot be assumed. A caller's failure has the own session looked at.
- The first success ends that: for the bucket's callers, and for other buckets of the account.
"""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Final

from service.clock import Clock
from service.sessions.history import History
from service.sessions.pool_entry import (
    PooledSession,
    SessionKey,
    SessionObserver,
    SigningSession,
)
from service.sessions.refresh_policy import backoff, is_better
from service.sessions.session import Session
from service.sessions.sts import SessionRefused, session_name

log = logging.getLogger(__name__)

ATTEMPT_SECONDS: Final = 5.0  # the longest that STS may take, and that a cold caller waits
MAX_IN_FLIGHT: Final = 16  # calls to STS, a process
# So that some whose STS hangs leave the others their places; the bucket's own session comes on top.
MAX_IN_FLIGHT_A_BUCKET: Final = 4
# Seconds from one attempt of a bucket's own session to the next: after a caller's failure, and at most
# while callers are waiting for it.
SUSPECT_PAUSE: Final = 5.0
WANTED_PAUSE: Final = 10.0
_HELD_SECONDS: Final = 1.0  # the least, while the bucket's own session is asked for
# Until what no second attempt mends is tried again all the same: a role's own limits may have changed.
LASTING_PAUSE: Final = 3600.0


class Attempts:
    def __init__(
        self,
        *,
        clock: Clock,
        chance: Callable[[], float],
        observer: SessionObserver,
        history: History,
        entries: Mapping[SessionKey, PooledSession],
        own: Callable[[str], PooledSession | None],
    ) -> None:
        """`entries` are the pool's. `own` finds a bucket's own session among them."""
        self._entries = entries
        self._own = own
        self._failing = set[str]()  # accounts
        self._clock = clock
        self._chance = chance
        self._observer = observer
        self._history = history
        self._throttled_until = defaultdict[str, float](lambda: -math.inf)
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._in_flight_a_bucket = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(MAX_IN_FLIGHT_A_BUCKET)
        )

    def backoff_left(self, key: SessionKey, entry: PooledSession) -> float:
        """Seconds until the entry's next attempt may start."""
        due_at = max(entry.next_attempt_at, self._throttled_until[entry.bucket.account])
        now = self._clock.boot()
        own = None if key.owner is None else self._own(key.bucket)
        if own is not None and own.is_failing:
            due_at = max(due_at, own.next_attempt_at, now + _HELD_SECONDS)
        return max(0.0, due_at - now)

    def hurry(self, bucket: str) -> None:
        """A request is waiting: try the bucket's own session again within WANTED_PAUSE."""
        own = self._own(bucket)
        if own is not None and own.failures and not own.permanent:
            self._bring_forward(own)

    async def attempt(self, key: SessionKey, entry: PooledSession) -> None:
        """Make one attempt, in the task that keeps the entry, and wake the requests that wait for it."""
        callers = nullcontext() if key.owner is None else self._in_flight_a_bucket[key.bucket]
        async with callers, self._in_flight:
            if self.backoff_left(key, entry) <= 0:
                await self._ask(key, entry)
        entry.wanted = False
        entry.attempted.set()
        entry.attempted = asyncio.Event()

    async def _ask(self, key: SessionKey, entry: PooledSession) -> None:
        began = entry.attempted_at = self._clock.boot()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                session = await entry.bucket.source.fetch(key.owner, key.policy)
            self._accept(key, entry, session)
            outcome = "ok"
        except asyncio.CancelledError as error:
            # Ours to obey only if it is this task that is being ended: an SDK may cancel itself.
            if entry.task is None or entry.task.cancelling():
                raise
            outcome = self._fail(key, entry, _as_refusal(error))
        except Exception as error:  # noqa: BLE001 - whatever STS, DNS or TLS come up with
            outcome = self._fail(key, entry, _as_refusal(error))
        self._observer.refreshed(key.bucket, outcome, self._clock.boot() - began)

    def _accept(self, key: SessionKey, entry: PooledSession, session: Session) -> None:
        ends = None if entry.current is None else entry.current.session.expires_at
        now = session.now(self._clock)
        if not is_better(candidate_expires_at=session.expires_at, current_expires_at=ends, now=now):
            raise SessionRefused("STS gave a session that has ended, or ends before ours.")
        if session.starts_at < key.not_before:
            raise SessionRefused("The session began before the caller's revoked_before.")
        entry.current = SigningSession.at(entry.bucket.address, session)
        had_failed, entry.failures, entry.next_attempt_at = entry.failures > 0, 0, -math.inf
        entry.denied = entry.suspected = entry.permanent = entry.refresh_requested = False
        entry.chance = self._chance()
        self._succeeded(key, entry, had_failed=had_failed)
        self._history.remember(key.bucket, key.owner, session)
        skew = now - self._clock.wall()
        self._observer.session(key.bucket, skew, session.packed_policy_percent)

    def _fail(self, key: SessionKey, entry: PooledSession, refusal: SessionRefused) -> str:
        """Return the outcome as the metrics' label."""
        entry.failures += 1
        entry.denied, entry.permanent = refusal.denied, refusal.permanent
        pause = LASTING_PAUSE if refusal.permanent else backoff(entry.failures, self._chance())
        entry.next_attempt_at = self._clock.boot() + pause
        if refusal.throttled:
            account = entry.bucket.account
            until = max(self._throttled_until[account], entry.next_attempt_at)
            self._throttled_until[account] = until
        elif not refusal.permanent:
            self._suspect(key, entry)
        level = logging.ERROR if refusal.permanent else logging.WARNING
        text = "no new session %s for bucket %s, again in %.0f s: %s"
        log.log(level, text, session_name(key.owner), key.bucket, pause, refusal)
        if refusal.permanent:
            return "lasting"
        return "throttled" if refusal.throttled else "failed"

    def _suspect(self, key: SessionKey, entry: PooledSession) -> None:
        """A caller's failure may be the whole bucket's. The bucket's own session shows which."""
        if not entry.denied:
            self._failing.add(entry.bucket.account)
        own = None if key.owner is None else self._own(key.bucket)
        if own is None:
            return
        own.suspected = True
        if self._clock.boot() - own.attempted_at >= SUSPECT_PAUSE:
            own.refresh_requested = True
            own.wake.set()

    def _succeeded(self, key: SessionKey, entry: PooledSession, *, had_failed: bool) -> None:
        account = entry.bucket.account
        is_first = account in self._failing
        self._failing.discard(account)
        if not is_first and not had_failed:
            return
        for other_key, other in self._entries.items():
            if other.permanent or not other.failures:
                continue
            if had_failed and key.owner is None and other_key.bucket == key.bucket:
                other.failures, other.next_attempt_at = 0, -math.inf
                other.wake.set()
            elif is_first and other_key.owner is None and other.bucket.account == account:
                self._bring_forward(other)

    def _bring_forward(self, own: PooledSession) -> None:
        due_at = own.attempted_at + WANTED_PAUSE
        if due_at < own.next_attempt_at:
            own.next_attempt_at = due_at
            own.wake.set()


def _as_refusal(error: BaseException) -> SessionRefused:
    """Hides the message of any other error: it may contain STS's response and a secret."""
    return error if isinstance(error, SessionRefused) else SessionRefused(type(error).__name__)
