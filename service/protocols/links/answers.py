"""The requests and answers about share links, with their members in audit lines. Pure."""

from dataclasses import dataclass, field
from typing import ClassVar

from service.access.grants import AccessRequest, Operation
from service.errors import NotFound
from service.presigning.answers import Members, Request, SigningObserver, Unsigned
from service.protocols.links.link import Link
from service.sessions.lifetime import Lifetime, LimitedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """A share link to make: to `key`, or with `is_prefix` to all keys that start with it.

    `purpose` is what the link is for: `download` or `upload`. `not_before` is in epoch seconds.
    `label` and `message` are for its visitors.
    """

    operation: ClassVar = Operation.LINK

    bucket: str
    key: str
    purpose: Operation
    lifetime: Lifetime
    is_prefix: bool = False
    max_uses: int | None = None
    filename: str | None = None
    not_before: int | None = None
    label: str | None = None
    message: str | None = None

    def access(self) -> AccessRequest:
        """Return what its maker needs a grant for, in addition to `link`."""
        return AccessRequest(
            operation=self.purpose, bucket=self.bucket, key=self.key, is_prefix=self.is_prefix
        )

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedLink(MadeLink):
    """`expires_at` is in epoch seconds. `is_listed`: its maker's list has it."""

    url: str = field(repr=False)
    id: str
    expires_at: int
    is_listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLink:
    """A link in its maker's list. `uses` is None if they are not counted.

    `url` is None for a session that may not make such a link: it may only revoke this one.
    """

    id: str
    link: Link
    url: str | None = field(repr=False)
    is_revoked: bool
    uses: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLinks(Unsigned):
    """Some of a caller's links, the newest first. `next` is the cursor to go on from, or None."""

    links: list[OwnLink]
    next: int | None

    def members(self, _: Request) -> Members:
        return (("operation", Operation.LINK), ("action", "ListLinks"))


@dataclass(frozen=True, slots=True)
class EndedLink(Unsigned):
    """Its maker has ended the share link that the requester names."""

    def members(self, _: Request) -> Members:
        return (("operation", Operation.LINK), ("action", "EndLink"))


class FileMissing(NotFound):
    """A genuine share link whose object is not there."""

    def __init__(self) -> None:
        super().__init__("The file that this link leads to is not there.")
