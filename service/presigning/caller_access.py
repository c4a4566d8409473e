"""What one caller may do, and which of its sessions signs what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.access.callers import Rate
from service.access.create_only import UPLOADS
from service.access.grants import Grants, Operation
from service.sessions.pool_entry import SessionKey


@dataclass(frozen=True, slots=True)
class CopySession:
    """The session that copies into a bucket, and the buckets that it may copy from.

    Without `sources` it copies nothing, and is the one that uploads.
    """

    key: SessionKey
    sources: frozenset[str]


class CopySessions(dict[str, CopySession]):
    """By bucket, each made for the first copy into it: few callers copy."""

    def __init__(self, make: Callable[[str], CopySession]) -> None:
        self._make = make

    def __missing__(self, bucket: str) -> CopySession:
        self[bucket] = made = self._make(bucket)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class CallerAccess:
    """What one caller may do, its rate limit, and its sessions for each bucket.

    `upload_keys` are those of the sessions that upload. They are equal to `session_keys`, unless
    the store needs sessions that upload and may not read. Buckets that have a session for each
    operation have them in `by_operation`; the others' keys are then without a policy.
    """

    grants: Grants
    session_keys: Mapping[str, SessionKey]
    upload_keys: Mapping[str, SessionKey]
    by_operation: Mapping[str, Mapping[Operation, SessionKey]]
    copying: Mapping[str, CopySession]
    rate: Rate | None

    def session_key(self, bucket: str, operation: Operation, *, is_copy: bool) -> SessionKey:
        """Return which session signs a request. Nothing else chooses one."""
        if is_copy:
            return self.copying[bucket].key
        if (own := self.by_operation.get(bucket)) is not None and operation in own:
            return own[operation]
        return (self.upload_keys if operation in UPLOADS else self.session_keys)[bucket]
