"""What one caller may do, and which of its sessions signs what."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.access.callers import Rate
from service.access.grants import Grants
from service.sessions.pool_entry import SessionKey


@dataclass(frozen=True, slots=True, eq=False)
class CallerAccess:
    """What one caller may do, its rate limit, and its session for each bucket.

    `copy_sources` are the buckets that the session of each bucket may copy from.
    """

    grants: Grants
    session_keys: Mapping[str, SessionKey]
    copy_sources: Mapping[str, frozenset[str]]
    rate: Rate | None
