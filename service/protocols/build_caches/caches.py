"""The use case of the routes: artifacts, and the tickets by which a build outlives its token."""

from dataclasses import dataclass, field
from typing import Final

from service.access.callers import Identity
from service.access.grants import Operation
from service.api.parts import UseCase
from service.clock import Clock
from service.concurrency.bounded_dict import BoundedDict
from service.errors import Forbidden, NotConfigured, Unauthenticated
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester
from service.presigning.snapshot import Snapshot
from service.protocols.build_caches.answers import CacheRequest, MadeTicket
from service.protocols.build_caches.artifacts import Artifacts
from service.protocols.build_caches.places import Cache, Caches, CacheTicket, Program

_MAX_TICKETS: Final = 1024  # opened ones, cached: a build sends its own hundreds of times
_Opened = tuple[CacheTicket, Identity]


@dataclass
class BuildCaches(UseCase[Caches]):
    artifacts: Artifacts
    authorizer: Authorizer
    clock: Clock
    _opened: BoundedDict[str, _Opened] = field(default_factory=lambda: BoundedDict(_MAX_TICKETS))

    def configure(self, values: Caches | None) -> None:
        super().configure(values)
        self._opened.clear()  # a key may have been removed

    def caller_of(self, snapshot: Snapshot, cache: str, text: str) -> Identity | None:
        """Return the caller that a ticket of this cache names, or None if the text is no ticket.

        Raises Unauthenticated for a ticket that is over, or whose caller is no longer one.
        """
        opened = self._opened.get(text) or self._open(text)
        if opened is None or opened[0].cache != cache:
            return None
        ticket, identity = opened
        not_before = snapshot.not_before(identity)
        is_over = ticket.is_over(now=self.clock.wall(), not_before=not_before)
        if is_over or not snapshot.matched(identity):
            raise Unauthenticated("The ticket is over. Make another one.")
        return identity

    async def make_ticket(self, requester: Requester, cache: Cache) -> MadeTicket:
        """Return a ticket for a caller that may read. It counts as one URL.

        Raises NotConfigured without keys, Forbidden, and what `Authorizer.audited` raises.
        """
        if (keys := self.configured.keys) is None:
            raise NotConfigured("tickets for build caches")
        request = CacheRequest(
            operation=Operation.DOWNLOAD,
            bucket=cache.bucket,
            cache=cache.name,
            action="MakeTicket",
        )

        async def make() -> MadeTicket:
            if not self.artifacts.lookups.may_read(requester, cache, Program):
                raise Forbidden
            now = int(self.clock.wall())
            kept = self.authorizer.snapshot.to_keep(requester.identity, cache.bucket)
            ticket = CacheTicket(
                issuer=kept.caller.issuer,
                subject=kept.caller.subject,
                claims=kept.claims,
                facts=sorted(kept.facts),
                issued_at=now,
                expires_at=now + cache.ticket_seconds,
                cache=cache.name,
            )
            return MadeTicket(keys.seal(ticket), ticket.expires_at)

        return await self.authorizer.audited(requester, request, (), make)

    def _open(self, text: str) -> _Opened | None:
        keys = None if self.values is None else self.values.keys
        ticket = None if keys is None else keys.open_ticket(text)
        if ticket is None:
            return None
        opened = self._opened[text] = ticket, ticket.identity()
        return opened
