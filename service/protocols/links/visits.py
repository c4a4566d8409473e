"""Decides whether a share link may still be used, and counts its uses.

Rules of this file:
- A ticket only names its maker and an object. Each use is decided by the maker's grants of that
  moment, so a withdrawn grant ends every link that was made under it.
- Forged, unknown, revoked, withdrawn and not-yet-valid links get the same 404. Only an expired or
  used-up one gets 410.
- A use is counted before it is signed: an error in between never makes a use free.
"""

from dataclasses import dataclass
from typing import Final

from service.access.callers import Identity
from service.access.decisions import max_link_expires_in
from service.clock import Clock
from service.concurrency.bounded_dict import BoundedDict
from service.errors import LinkExpired, NotFound
from service.presigning.snapshot import Snapshot
from service.protocols.links.link_store import UseResult
from service.protocols.links.service import Links
from service.protocols.links.tickets import LinkTicket
from service.sessions.lifetime import Lifetime

EXPIRES_IN: Final = 60  # seconds, of the URL that a link redirects to
_LIFETIME: Final = Lifetime(expires_in=EXPIRES_IN)
_MAX_TICKETS: Final = 1024  # opened ones, cached
UNKNOWN: Final = "No such link."


@dataclass(slots=True, eq=False)
class OpenLink:
    """A ticket that a key has opened, and its maker. Cached, as a ticket is opened at each use.

    `longest` is how many seconds the grants of `snapshot` let it live; None is not at all.
    """

    ticket: LinkTicket
    maker: Identity
    snapshot: Snapshot | None = None
    longest: int | None = None


class LinkVisits:
    def __init__(self, links: Links, *, clock: Clock) -> None:
        self._links = links
        self._clock = clock
        self._opened = BoundedDict[str, OpenLink](_MAX_TICKETS)

    def open_ticket(self, text: str) -> OpenLink:
        """Return the link of a ticket's text. Raises NotFound if no key has sealed the text."""
        if (values := self._links.values) is None:
            raise NotFound(UNKNOWN)
        if (found := self._opened.get(text)) is not None:
            return found
        if (ticket := values.keys.open_ticket(text)) is None:
            raise NotFound(UNKNOWN)
        opened = self._opened[text] = OpenLink(ticket, ticket.link.maker())
        return opened

    def forget(self) -> None:
        """Open each ticket again: a key may have been removed from the configuration."""
        self._opened.clear()

    def check(self, opened: OpenLink, snapshot: Snapshot) -> Lifetime:
        """Return how long a URL may live that the link redirects to now.

        Raises NotFound, LinkExpired, or Overloaded while the revoked links are not known.
        """
        link, now = opened.ticket.link, int(self._clock.wall())
        if self._is_withdrawn(opened, snapshot, now):
            raise NotFound(UNKNOWN)
        if now >= link.expires_at:
            raise LinkExpired("This link has expired.")
        left = link.expires_at - now
        return _LIFETIME if left >= EXPIRES_IN else Lifetime(expires_in=left)

    async def use(self, opened: OpenLink, *, only_look: bool) -> None:
        """Take a use of a link with `max_uses`, or continue one.

        With `only_look` no use is taken. Raises LinkExpired if there is none, NotFound if no store
        is configured any more, and Overloaded while the store is out of reach.
        """
        ticket = opened.ticket
        if self._links.shared is None:  # the store was removed from the configuration
            raise NotFound(UNKNOWN)
        link = self._links.stored(ticket.link.caller, ticket.id, ticket.link.expires_at)
        if await self._links.shared.store.use(link, only_look=only_look) is UseResult.REFUSED:
            raise LinkExpired("This link has been used up.")

    def _is_withdrawn(self, opened: OpenLink, snapshot: Snapshot, now: int) -> bool:
        link = opened.ticket.link
        if self._is_revoked(opened.ticket):
            return True
        if opened.snapshot is not snapshot:
            opened.snapshot, opened.longest = snapshot, _longest(opened, snapshot)
        age = min(now, link.expires_at) - link.issued_at
        if opened.longest is None or age > opened.longest:
            return True
        return link.not_before is not None and now < link.not_before

    def _is_revoked(self, ticket: LinkTicket) -> bool:
        values, shared = self._links.values, self._links.shared
        if values is None or ticket.id in values.revoked:
            return True
        if shared is None:
            return False
        return shared.is_revoked(ticket.id, ticket.link.expires_at)


def _longest(opened: OpenLink, snapshot: Snapshot) -> int | None:
    link = opened.ticket.link
    if link.issued_at < snapshot.not_before(opened.maker):
        return None
    return max_link_expires_in(snapshot.access(opened.maker).grants, link.access())
