"""Where a cache's artifacts are, and which of these places a caller's grants open. Pure.

A hash names an artifact by what went into it, not by its bytes. So those who may write under a
hash decide what others get for it. What all read is in one place, which only trusted callers write.
Any other caller writes a folder of its own, which nobody else reads.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final

from service.access.grants import Grant, Operation
from service.errors import InvalidRequest
from service.protocols.tickets import Ticket, TicketKeys

TICKET_SECONDS: Final = 21_600  # 6 h: what a job may take at GitHub
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Program(StrEnum):
    """Whose artifact it is: each program's hashes have a folder of their own."""

    TURBOREPO = "turborepo"
    NX = "nx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """`trusted` and `others` end in `/`. Without `others` only trusted callers write."""

    name: str
    bucket: str
    trusted: str
    others: str | None = None
    ticket_seconds: int = TICKET_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTicket(Ticket):
    """A token that outlives the token of its CI job, at one cache only."""

    purpose: ClassVar = b"presign build cache"

    cache: str


@dataclass(frozen=True, slots=True)
class Caches:
    """The caches by name. Without `keys` there are no tickets.

    `public_url` is the address of the service, or empty.
    """

    named: Mapping[str, Cache] = field(default_factory=dict)
    keys: TicketKeys[CacheTicket] | None = None
    public_url: str = ""

    def find(self, name: str) -> Cache:
        """Return the cache with this name. No grant covers that of an unknown name.

        So an unknown cache is refused and recorded like one that is not granted.
        """
        unknown = Cache(name=name, bucket=f"/caches/{name}", trusted="")  # no bucket has `/`
        return self.named.get(name, unknown)


@dataclass(frozen=True, slots=True)
class Artifact:
    """Raises InvalidRequest for a hash that is none."""

    cache: Cache
    program: Program
    hash: str

    def __post_init__(self) -> None:
        if _HASH.fullmatch(self.hash) is None:
            raise InvalidRequest("A hash is 1 to 128 letters, digits, `_` and `-`.")

    @property
    def trusted_key(self) -> str:
        return self.key_in(self.cache.trusted)

    def key_in(self, place: str) -> str:
        return f"{place}{self.program}/{self.hash}"


def own_folder(cache: Cache, grants: Iterable[Grant]) -> str | None:
    """Return the one folder below `others` that the grants let a caller write.

    With several it has none: the service does not choose.
    """
    found = {grant.prefix for grant in grants if is_folder(cache, grant)}
    return found.pop() if len(found) == 1 else None


def is_folder(cache: Cache, grant: Grant) -> bool:
    """Whether a grant lets a caller write a folder that is strictly below `others`."""
    return (
        cache.others is not None
        and grant.bucket == cache.bucket
        and grant.covers_subtree
        and grant.prefix.startswith(cache.others)
        and grant.prefix != cache.others
        and Operation.UPLOAD in grant.allow
    )
