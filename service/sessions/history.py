"""Sessions that signed recently, remembered after their end to diagnose what they signed.

A lookup needs the bucket and the owner, so nobody learns whether another's session exists. The
number and the time are limited; the secret of a session that has ended is worthless. A session of
R2 knows the parent's key, by which it finds the secret of each of its URLs.
"""

from bisect import bisect_left, insort
from itertools import count
from typing import Final, NamedTuple

from service.clock import Clock
from service.sessions.session import Session
from service.sessions.source import Owner

MAX_REMEMBERED: Final = 8192  # about 2 KiB each, except those in the pool
REMEMBERED_SECONDS: Final = 86_400.0  # after the end

_Key = tuple[str, str, Owner]


class _End(NamedTuple):
    """`at` is in seconds of the boot clock. `number` is unique, so that keys are never compared."""

    at: float
    number: int
    key: _Key


class History:
    """The cost of a new session does not depend on how many are remembered."""

    def __init__(
        self, clock: Clock, *, most: int = MAX_REMEMBERED, seconds: float = REMEMBERED_SECONDS
    ) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._sessions: dict[_Key, tuple[Session, _End]] = {}
        self._ends: list[_End] = []  # sorted: the first to end is first
        self._numbers = count()

    def remember(self, bucket: str, owner: Owner, session: Session) -> None:
        key = session.credentials.access_key_id, bucket, owner
        if key in self._sessions:
            self._forget(key)
        now = self._clock.boot()
        end = _End(now + session.remaining(self._clock), next(self._numbers), key)
        self._sessions[key] = session, end
        insort(self._ends, end)
        while self._ends and self._ends[0].at + self._seconds < now:
            self._forget(self._ends[0].key)
        if len(self._sessions) > self._most:
            self._forget(next(iter(self._sessions)))

    def find(self, access_key_id: str, bucket: str, owner: Owner) -> Session | None:
        """Return the owner's last session with this key id."""
        session, _ = self._sessions.get((access_key_id, bucket, owner), (None, None))
        if session is None or session.remaining(self._clock) < -self._seconds:
            return None
        return session

    def clear(self) -> None:
        self._sessions.clear()
        self._ends.clear()

    def _forget(self, key: _Key) -> None:
        _, end = self._sessions.pop(key)
        del self._ends[bisect_left(self._ends, end)]
