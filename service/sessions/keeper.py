"""Keeps one session good, in a task of the pool's: when STS is asked, and when the session is given up."""

import asyncio
import logging
from typing import Final

from service.clock import Clock
from service.sessions.attempts import Attempts
from service.sessions.pool_entry import PooledSession, SessionKey
from service.sessions.refresh_policy import (
    Keep,
    Refresh,
    Wait,
    next_step,
)

log = logging.getLogger(__name__)

UNASKED_SECONDS: Final = 60.0  # after which a caller without a session is taken to be gone
_LONGEST_SLEEP: Final = 30.0


class Keeper:
    def __init__(self, attempts: Attempts, clock: Clock) -> None:
        self._attempts = attempts
        self._clock = clock

    async def keep(self, key: SessionKey, entry: PooledSession) -> None:
        """Returns when nobody asks for the session any more."""
        while True:
            try:
                step = self._step(key, entry)
                if not isinstance(step, Keep) and self._is_idle(key, entry):
                    return
                await self._take(step, key, entry)
            except Exception:  # a bug must not leave the caller without a session for ever
                log.exception("a session for bucket %s is not kept", key.bucket)
                await self._sleep(entry, _LONGEST_SLEEP)

    async def _take(
        self, step: Keep | Refresh | Wait, key: SessionKey, entry: PooledSession
    ) -> None:
        match step:
            case Refresh() if self._is_needed(key, entry):
                await self._attempts.attempt(key, entry)
            case Refresh():
                await self._sleep(entry, _LONGEST_SLEEP)
            case Keep(seconds) | Wait(seconds):
                await self._sleep(entry, seconds)

    def _is_needed(self, key: SessionKey, entry: PooledSession) -> bool:
        """A caller that got no session is tried for again when it asks again, and not before."""
        return key.owner is None or entry.wanted or entry.is_alive(self._clock)

    def _step(self, key: SessionKey, entry: PooledSession) -> Keep | Refresh | Wait:
        session = None if entry.current is None else entry.current.session
        return next_step(
            remaining=None if session is None else session.remaining(self._clock),
            # What STS gave, not what we asked for: it may give less.
            length=entry.bucket.source.length if session is None else session.length,
            longest_lifetime=entry.bucket.longest_lifetime,
            chance=entry.chance,
            backoff_left=self._attempts.backoff_left(key, entry),
            refresh_requested=entry.refresh_requested,
        )

    async def _sleep(self, entry: PooledSession, seconds: float) -> None:
        entry.wake.clear()
        try:
            # Not asyncio.sleep alone: the loop's clock may stand still in a suspend, ours does not.
            async with asyncio.timeout(min(seconds, _LONGEST_SLEEP)):
                await entry.wake.wait()
        except TimeoutError:
            return

    def _is_idle(self, key: SessionKey, entry: PooledSession) -> bool:
        """Whether nobody has used the session since it came, or asked for one that did not come.

        The bucket's own is always in use, and so is one that a window hangs on.
        """
        if key.owner is None:
            return False
        unused_for = self._clock.boot() - entry.used_at
        if entry.current is None or not entry.is_alive(self._clock):
            return unused_for > UNASKED_SECONDS
        now = entry.current.session.now(self._clock)
        return unused_for > entry.age(self._clock) and entry.kept.ends_at < now
