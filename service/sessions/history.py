"""Sessions that signed recently, remembered after their end to diagnose what they signed.

A lookup needs the bucket and the owner, so nobody learns whether another's session exists. Expired
sessions stay in memory until newer ones replace them; their secrets are worthless.
"""

from typing import Final

from service.bounded_dict import BoundedDict
from service.clock import Clock
from service.sessions.session import Session
from service.sessions.sts import Owner

MAX_REMEMBERED: Final = 8192  # about 2 KiB each, except those in the pool
REMEMBERED_SECONDS: Final = 86_400.0  # after the end


class History:
    def __init__(self, clock: Clock, *, most: int = MAX_REMEMBERED) -> None:
        self._clock = clock
        self._sessions: BoundedDict[tuple[str, str, Owner], Session] = BoundedDict(most)

    def remember(self, bucket: str, owner: Owner, session: Session) -> None:
        key = session.credentials.access_key_id, bucket, owner
        self._sessions.pop(key, None)  # so that it becomes the newest
        self._sessions[key] = session

    def find(self, access_key_id: str, bucket: str, owner: Owner) -> Session | None:
        """Return the session, unless it ended more than REMEMBERED_SECONDS ago."""
        session = self._sessions.get((access_key_id, bucket, owner))
        if session is None or session.remaining(self._clock) < -REMEMBERED_SECONDS:
            return None
        return session

    def clear(self) -> None:
        self._sessions.clear()
