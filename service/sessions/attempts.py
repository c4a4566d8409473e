"""Attempts to get a session: when one is due, how many run at a time, and what follows from each.

Rules of this file:
- When STS throttles one call, all sessions of that account back off. Only the buckets' own sessions
  may try sooner, one at a time, while somebody waits for a bucket whose own session fails.
- While a bucket's own session fails, its callers' sessions wait for it. So thousands of callers do
  not each try to assume a role that cannot be assumed. A caller's failure makes the bucket's own
  session refresh.
- The first success ends that, for the bucket's callers and for other buckets of the account.
"""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from service.clock import Clock
from service.concurrency.shared_attempts import LONGEST_SLEEP, attempt
from service.sessions.history import History
from service.sessions.pool_entry import PooledSession, SessionKey, SessionObserver, SigningSession
from service.sessions.refresh_policy import VENDED_REMAINING, backoff, is_better, threshold
from service.sessions.session import Session
from service.sessions.source import SessionRefused, session_name
from service.telemetry.spans import Spans

log = logging.getLogger(__name__)

ATTEMPT_SECONDS: Final = 5.0  # the longest that a call to STS may take, and that a request waits
UNASKED_SECONDS: Final = 60.0  # after which a caller without a session is considered gone
MAX_IN_FLIGHT: Final = 16  # calls to STS, per process
# So that buckets whose STS hangs leave slots to others. The buckets' own sessions do not count.
MAX_IN_FLIGHT_PER_BUCKET: Final = 4
# Seconds from one attempt for a bucket's own session to the next: after a caller's failure, and at
# most while somebody waits for it.
SUSPECT_PAUSE: Final = 5.0
WANTED_PAUSE: Final = 10.0
_MIN_HOLD: Final = 1.0  # seconds that callers wait at least while the bucket's own session fails
LASTING_PAUSE: Final = 3600.0  # after a permanent failure: the limits of a role may have changed


@dataclass(slots=True, eq=False)
class _Throttle:
    """A pause after STS throttled an account. Its times are seconds of the boot clock.

    `own_until` is for the buckets' own sessions, of which `trial` lets one try at a time.
    """

    at: float = -math.inf
    until: float = -math.inf
    own_until: float = -math.inf
    trial: asyncio.Lock = field(default_factory=asyncio.Lock)


class RefreshAttempts:
    def __init__(
        self,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        observer: SessionObserver,
        spans: Spans,
        history: History,
        entries: Mapping[SessionKey, PooledSession],
        own: Callable[[str], PooledSession | None],
    ) -> None:
        """`entries` are the pool's. `own` finds a bucket's own session among them."""
        self._entries = entries
        self._own = own
        self._failing = set[str]()  # accounts
        self._clock = clock
        self._jitter = jitter
        self._observer = observer
        self._spans = spans
        self._history = history
        self._throttles = defaultdict[str, _Throttle](_Throttle)  # by account
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._in_flight_a_bucket = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(MAX_IN_FLIGHT_PER_BUCKET)
        )

    def backoff_left(self, key: SessionKey, entry: PooledSession) -> float:
        """Return the seconds until the entry's next attempt may start."""
        throttle, now = self._throttles[entry.bucket.account], self._clock.boot()
        own = entry if key.owner is None else self._own(key.bucket)
        if own is entry:
            due_at = max(entry.next_attempt_at, throttle.own_until)
        elif own is not None and own.is_failing:
            own_due_at = max(own.next_attempt_at, throttle.own_until)
            due_at = max(entry.next_attempt_at, own_due_at, now + _MIN_HOLD)
        else:
            due_at = max(entry.next_attempt_at, throttle.until)
        return max(0.0, due_at - now)

    def retry_soon(self, bucket: str) -> None:
        """Try the bucket's own session within WANTED_PAUSE if there is none, or a try failed."""
        own = self._own(bucket)
        if own is None or own.permanent or not (own.failures or own.current is None):
            return
        throttle = self._throttles[own.bucket.account]
        due_at = throttle.at + WANTED_PAUSE
        if due_at < throttle.own_until:
            throttle.own_until = due_at
            own.attempts.wake()
        self._bring_forward(own)

    async def step(self, key: SessionKey, entry: PooledSession) -> float | None:
        """Make an attempt if one is due. Return the seconds to the next step, or None if idle."""
        needed = VENDED_REMAINING if key.vended else entry.bucket.longest_lifetime
        due_at = threshold(entry.length, needed, entry.jitter)
        due_in = entry.remaining(self._clock) - due_at
        if due_in > 0 and not entry.refresh_requested:
            return due_in
        if self._is_idle(key, entry):
            return None
        if (pause := self.backoff_left(key, entry)) > 0:
            return pause
        # A caller that got no session is only tried again when it asks again.
        if key.owner is not None and not entry.wanted and not entry.is_alive(self._clock):
            return LONGEST_SLEEP
        async with self._place(key, entry), self._in_flight:
            if self.backoff_left(key, entry) <= 0:
                await self._attempt(key, entry)
        entry.wanted = False
        entry.attempts.ended()
        return 0

    def _place(self, key: SessionKey, entry: PooledSession) -> AbstractAsyncContextManager[None]:
        """Return what lets a few attempts of a bucket, or of a throttled account, run at a time."""
        if key.owner is not None:
            return self._in_flight_a_bucket[key.bucket]
        throttle = self._throttles[entry.bucket.account]
        return throttle.trial if throttle.at > -math.inf else nullcontext()

    def _is_idle(self, key: SessionKey, entry: PooledSession) -> bool:
        """Whether no request has used the session since it arrived, or asked for a missing one.

        A bucket's own session is never idle, nor is one that signs in a window.
        """
        if key.owner is None:
            return False
        unused_for = self._clock.boot() - entry.used_at
        if entry.current is None or not entry.is_alive(self._clock):
            return unused_for > UNASKED_SECONDS
        now = entry.current.session.now(self._clock)
        return unused_for > entry.age(self._clock) and entry.windows.ends_at < now

    async def _attempt(self, key: SessionKey, entry: PooledSession) -> None:
        began = entry.attempted_at = self._clock.boot()
        attributes, waiting = {"presign.bucket": key.bucket}, entry.attempts.waiting_contexts
        with self._spans.shared_call(entry.bucket.call, attributes, waiting) as call:
            try:
                work = entry.bucket.source.fetch(key.owner, key.policy, vended=key.vended)
                self._accept(key, entry, await attempt(work, ATTEMPT_SECONDS))
            except SessionRefused as refusal:
                call.outcome = self._fail(key, entry, refusal)
            except Exception as error:  # noqa: BLE001 - STS, DNS and TLS raise anything
                # Without the message, which may contain STS's response and a secret.
                call.outcome = self._fail(key, entry, SessionRefused(type(error).__name__))
        self._observer.refreshed(key.bucket, call.outcome, self._clock.boot() - began)

    def _accept(self, key: SessionKey, entry: PooledSession, session: Session) -> None:
        ends = None if entry.current is None else entry.current.session.expires_at
        now = session.now(self._clock)
        if not is_better(candidate_expires_at=session.expires_at, current_expires_at=ends, now=now):
            raise SessionRefused("STS's session has expired, or expires before the current one.")
        if session.starts_at < key.not_before:
            raise SessionRefused("The session began before the caller's revoked_before.")
        entry.current = SigningSession.at(entry.bucket.address, session)
        had_failed, entry.failures, entry.next_attempt_at = entry.failures > 0, 0, -math.inf
        entry.denied = entry.suspected = entry.permanent = entry.refresh_requested = False
        entry.jitter = self._jitter()
        self._end_failures(key, entry, had_failed=had_failed)
        self._history.remember(key.bucket, key.owner, session)
        skew = now - self._clock.wall()
        self._observer.session(key.bucket, skew, session.packed_policy_percent)

    def _fail(self, key: SessionKey, entry: PooledSession, refusal: SessionRefused) -> str:
        """Return the outcome as the metrics label it."""
        entry.failures += 1
        entry.denied, entry.permanent = refusal.denied, refusal.permanent
        pause = LASTING_PAUSE if refusal.permanent else backoff(entry.failures, self._jitter())
        entry.next_attempt_at = self._clock.boot() + pause
        level = logging.ERROR if refusal.permanent else logging.WARNING
        text = "no new session %s for bucket %s, next attempt in %.0f s: %s"
        log.log(level, text, session_name(key.owner, vended=key.vended), key.bucket, pause, refusal)
        if refusal.throttled:
            throttle = self._throttles[entry.bucket.account]
            throttle.at = self._clock.boot()
            throttle.until = throttle.own_until = max(throttle.until, entry.next_attempt_at)
        elif not refusal.permanent:
            self._suspect(key, entry)
        if refusal.permanent:
            return "lasting"
        return "throttled" if refusal.throttled else "failed"

    def _suspect(self, key: SessionKey, entry: PooledSession) -> None:
        """Check the bucket's own session: a caller's failure may be that of the whole bucket."""
        if not entry.denied:
            self._failing.add(entry.bucket.account)
        own = None if key.owner is None else self._own(key.bucket)
        if own is None:
            return
        own.suspected = True
        if self._clock.boot() - own.attempted_at >= SUSPECT_PAUSE:
            own.refresh_requested = True
            own.attempts.wake()

    def _end_failures(self, key: SessionKey, entry: PooledSession, *, had_failed: bool) -> None:
        """Retry others that failed like this: callers of the bucket, buckets of the account."""
        account = entry.bucket.account
        is_first = account in self._failing
        self._failing.discard(account)
        if -math.inf < self._throttles[account].at < entry.attempted_at:
            del self._throttles[account]
            is_first = True
        if not is_first and not had_failed:
            return
        for other_key, other in self._entries.items():
            if other.permanent:
                continue
            if is_first and other_key.owner is None and other.bucket.account == account:
                self._bring_forward(other)
                other.attempts.wake()  # it may have waited for the throttled account only
            elif not other.failures:
                continue
            elif had_failed and key.owner is None and other_key.bucket == key.bucket:
                other.failures, other.next_attempt_at = 0, -math.inf
                other.attempts.wake()

    def _bring_forward(self, own: PooledSession) -> None:
        due_at = own.attempted_at + WANTED_PAUSE
        if due_at < own.next_attempt_at:
            own.next_attempt_at = due_at
            own.attempts.wake()
