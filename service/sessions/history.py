"""Sessions that have signed of late, remembered beyond their end: to explain what they signed.

Whoever asks has to name the bucket and the owner, so nobody learns of another's session, not even
that there is one. Bounded in number and in time; the secret of a session that has ended opens nothing.
"""

from collections import OrderedDict
from typing import Final

from service.sessions.session import Clock, Session
from service.sessions.sts import Owner

MAX_REMEMBERED: Final = 8192  # about 2 KiB each; those in use are held by the pool in any case
REMEMBERED_SECONDS: Final = 86_400.0  # after the end

_Key = tuple[str, str, Owner]


class History:
    def __init__(
        self,
        clock: Clock,
        *,
        most: int = MAX_REMEMBERED,
        seconds: float = REMEMBERED_SECONDS,
    ) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._sessions: OrderedDict[_Key, Session] = OrderedDict()

    def remember(self, bucket: str, owner: Owner, session: Session) -> None:
        key = session.credentials.access_key_id, bucket, owner
        self._sessions[key] = session
        self._sessions.move_to_end(key)
        # All are looked at: one that lasts longer, or never ends, stands before those that are over.
        for each in [each for each, held in self._sessions.items() if self._is_over(held)]:
            del self._sessions[each]
        while len(self._sessions) > self._most:
            self._sessions.popitem(last=False)

    def find(self, access_key_id: str, bucket: str, owner: Owner) -> Session | None:
        session = self._sessions.get((access_key_id, bucket, owner))
        return None if session is None or self._is_over(session) else session

    def clear(self) -> None:
        self._sessions.clear()

    def _is_over(self, session: Session) -> bool:
        return session.remaining(self._clock) < -self._seconds
