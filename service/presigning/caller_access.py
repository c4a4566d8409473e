"""What one caller may do, and which of its sessions signs what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from service.access.callers import Rate
from service.access.create_only import UPLOADS
from service.access.grants import Conditions, Grants, Operation
from service.sessions.pool_entry import SessionKey


class Copying(NamedTuple):
    """Copies into a bucket, and the conditions of the grants for their target and their source."""

    bucket: str
    target: Conditions | None = None
    source: Conditions | None = None


@dataclass(frozen=True, slots=True)
class CopySession:
    """The session that copies into a bucket, and the buckets that it may copy from.

    Without `sources` it copies nothing, and is the one that uploads.
    """

    key: SessionKey
    sources: frozenset[str]


class CopySessions(dict[Copying, CopySession]):
    """Each is made for the first copy that needs it: few callers copy."""

    def __init__(self, make: Callable[[Copying], CopySession]) -> None:
        self._make = make

    def __missing__(self, copying: Copying) -> CopySession:
        self[copying] = made = self._make(copying)
        return made


@dataclass(frozen=True, slots=True)
class CallerSessions:
    """The sessions of a caller's grants with the same conditions, for each bucket.

    `upload_keys` are those of the sessions that upload. They are equal to `session_keys`, unless
    the store needs sessions that upload and may not read.
    """

    session_keys: Mapping[str, SessionKey]
    upload_keys: Mapping[str, SessionKey]


@dataclass(frozen=True, slots=True, eq=False)
class CallerAccess:
    """What one caller may do, its rate limit, and its sessions.

    `owned` are the keys of its sessions for each bucket, without a policy. `sessions` are by the
    conditions of grants; those of grants without conditions have None, and are always there.
    """

    grants: Grants
    owned: Mapping[str, SessionKey]
    sessions: Mapping[Conditions | None, CallerSessions]
    copying: Mapping[Copying, CopySession]
    rate: Rate | None

    def session_key(
        self, bucket: str, operation: Operation, conditions: Conditions | None
    ) -> SessionKey:
        """Return which session signs what is no copy. Nothing else chooses one.

        `conditions` are those of the grants that allow it. IAM cannot tell `head` and `check` from
        a download: in one session, a grant without conditions would open those of another.
        """
        found = self.sessions[conditions]
        return (found.upload_keys if operation in UPLOADS else found.session_keys)[bucket]
