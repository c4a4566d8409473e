"""What the audit trail says of requests to a build cache. Pure."""

from dataclasses import dataclass, field
from typing import ClassVar

from service.access.grants import Operation
from service.presigning.answers import Members, Unsigned
from service.presigning.requests import PresignRequest
from service.sessions.lifetime import Lifetime


@dataclass(slots=True, kw_only=True)
class ArtifactRequest(PresignRequest):  # not frozen: see presigning/requests.py
    """A request to read or write an artifact of the cache with this name."""

    cache: str

    def members(self) -> Members:
        return (("cache", self.cache),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRequest:
    """A request for which nothing is signed. `action` is what it does, if that has a name."""

    lifetime: ClassVar = Lifetime()

    operation: Operation
    bucket: str
    cache: str
    action: str | None = None

    def members(self) -> Members:
        return (("action", self.action), ("cache", self.cache))


@dataclass(frozen=True, slots=True)
class MadeTicket(Unsigned):
    """`expires_at` is in epoch seconds."""

    token: str = field(repr=False)
    expires_at: int
