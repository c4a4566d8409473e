"""The list of a caller's own links, as the caller gets it. Pure.

The store has each link sealed by a cipher of its own. So a thief of the store reads no link and has
no address of one, and nobody who writes to it gets the address of another caller's link.
"""

from dataclasses import dataclass, field

from service.access.decisions import max_link_expires_in
from service.access.grants import Caller, Grants, Operation
from service.presigning.answers import Members, Request, Unsigned
from service.protocols.links.link import Link
from service.protocols.links.link_store import ListedLink
from service.protocols.links.settings import LinkSettings


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
    """Some of a caller's links, the newest first. `next` is the place to go on from, or None."""

    links: list[OwnLink]
    next: int | None

    def members(self, _: Request) -> Members:
        return (("operation", Operation.LINK), ("action", "ListLinks"))


def own_link(
    settings: LinkSettings, caller: Caller, grants: Grants, listed: ListedLink
) -> OwnLink | None:
    """Return a link of the caller's, or None if no key has sealed it for this caller and id.

    Sessions of one caller may have other claims, so `grants` are those of the session that asks.
    Whether the link is revoked is what the configuration says.
    """
    ticket = settings.keys.open_from_store(listed.sealed)
    if ticket is None or ticket.id != listed.id or ticket.link.caller != caller:
        return None
    link = ticket.link
    longest = max_link_expires_in(grants, link.access())
    return OwnLink(
        id=ticket.id,
        link=link,
        url=None if longest is None else f"{settings.url}/l/{ticket.text}",
        is_revoked=ticket.id in settings.revoked,
        uses=None if link.max_uses is None else link.max_uses - (listed.uses_left or 0),
    )
