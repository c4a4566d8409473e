"""Attempts to get a session: how many at a time, what comes of each, and when the next may be.

A throttle is a word to the whole account: of those who wait for their turn at STS, none goes then.
"""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from service.sessions.entries import Entry, SessionKey, SessionObserver, SigningSession
from service.sessions.history import History
from service.sessions.refresh import backoff, is_better
from service.sessions.session import Clock, Session
from service.sessions.sts import SessionRefused, session_name

log = logging.getLogger(__name__)

ATTEMPT_SECONDS: Final = 5.0  # the longest that STS may take, and that a cold caller waits
MAX_IN_FLIGHT: Final = 16  # calls to STS, a process
MAX_IN_FLIGHT_A_BUCKET: Final = 4  # so that some whose STS hangs leave the others their places
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
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._observer = observer
        self._history = history
        self._throttled_until = defaultdict[str, float](lambda: -math.inf)
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._in_flight_a_bucket = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(MAX_IN_FLIGHT_A_BUCKET)
        )

    def backoff_left(self, entry: Entry) -> float:
        """Seconds until the entry's next attempt may be."""
        due_at = max(entry.next_attempt_at, self._throttled_until[entry.bucket.account])
        return max(0.0, due_at - self._clock.boot())

    async def attempt(self, key: SessionKey, entry: Entry) -> None:
        """One, in the task that keeps the entry. Whoever waits for it is woken."""
        async with self._in_flight_a_bucket[key.bucket], self._in_flight:
            if self.backoff_left(entry) <= 0:
                await self._ask(key, entry)
        entry.attempted.set()
        entry.attempted = asyncio.Event()

    async def _ask(self, key: SessionKey, entry: Entry) -> None:
        began = self._clock.boot()
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

    def _accept(self, key: SessionKey, entry: Entry, session: Session) -> None:
        ends = None if entry.current is None else entry.current.session.expires_at
        now = session.now(self._clock)
        if not is_better(candidate_expires_at=session.expires_at, current_expires_at=ends, now=now):
            raise SessionRefused("STS gave a session that has ended, or ends before ours.")
        if session.starts_at < key.not_before:
            raise SessionRefused("The session began before the caller's revoked_before.")
        entry.current = SigningSession.at(entry.bucket.address, session)
        entry.failures, entry.next_attempt_at = 0, -math.inf
        entry.hastened, entry.chance = False, self._chance()
        self._history.remember(key.bucket, key.owner, session)
        skew = now - self._clock.wall()
        self._observer.session(key.bucket, skew, session.packed_policy_percent)

    def _fail(self, key: SessionKey, entry: Entry, refusal: SessionRefused) -> str:
        """The outcome, in a word."""
        entry.failures += 1
        pause = LASTING_PAUSE if refusal.lasting else backoff(entry.failures, self._chance())
        entry.next_attempt_at = self._clock.boot() + pause
        if refusal.throttled:
            account = entry.bucket.account
            until = max(self._throttled_until[account], entry.next_attempt_at)
            self._throttled_until[account] = until
        level = logging.ERROR if refusal.lasting else logging.WARNING
        text = "no new session %s for bucket %s, again in %.0f s: %s"
        log.log(level, text, session_name(key.owner), key.bucket, pause, refusal)
        if refusal.lasting:
            return "lasting"
        return "throttled" if refusal.throttled else "failed"


def _as_refusal(error: BaseException) -> SessionRefused:
    """The words of any other error may hold what STS answered, a secret among it."""
    return error if isinstance(error, SessionRefused) else SessionRefused(type(error).__name__)
