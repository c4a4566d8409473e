"""What makes, ends and refuses share links, for the audit trail and the metrics. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from service.access.grants import Operation
from service.errors import NotFound
from service.presigning.answers import Members, Request, SigningObserver, Unsigned
from service.sessions.lifetime import Lifetime, LimitedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """A share link to make: to `key`, or with `subtree` to all keys that start with it.

    `purpose` is what the link is for: `download` or `upload`.
    """

    operation: ClassVar = Operation.LINK

    bucket: str
    key: str
    purpose: Operation
    lifetime: Lifetime
    subtree: bool = False

    def members(self) -> Members:
        return ()


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A share link, which lives this many seconds. `limited_by` is set if more was requested."""

    expires_in: int
    limited_by: LimitedBy | None

    def members(self, _: LinkRequest) -> Members:
        return (("expires_in", self.expires_in),)

    def count(self, observer: SigningObserver, request: LinkRequest, keys: int) -> None:
        observer.signed(request.operation, request.bucket, self.limited_by, keys)


@dataclass(frozen=True, slots=True)
class EndedLink(Unsigned):
    """Its maker has ended the share link that the requester names."""

    def members(self, _: Request) -> Members:
        return (("operation", Operation.LINK), ("action", "EndLink"))


class FileMissing(NotFound):
    """A genuine share link whose object is not there."""

    def __init__(self) -> None:
        super().__init__("The file that this link leads to is not there.")
