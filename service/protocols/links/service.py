"""Makes share links, lists them for their makers, and ends them. `visits.py` decides about uses.

A link gives nothing by itself: it names its maker, and each use is decided by the grants that the
maker has at that moment. So a grant that is withdrawn ends its links too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final

from service.access.callers import Identity, is_anonymous
from service.access.decisions import max_link_expires_in
from service.access.grants import WEEK, Caller, Grants, Operation
from service.clock import Clock
from service.errors import (
    Forbidden,
    InvalidRequest,
    LimitExceeded,
    NotConfigured,
    NotFound,
    Overloaded,
)
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester, UnreadRequest
from service.protocols.links.answers import (
    CreatedLink,
    EndedLink,
    LinkRequest,
    MadeLink,
    OwnLink,
    OwnLinks,
)
from service.protocols.links.link import Link, pack_caller
from service.protocols.links.link_store import MOST_LINKS, ListedLink, StoredLink
from service.protocols.links.linked_objects import LinkedObjects
from service.protocols.links.revocations import Revocations
from service.protocols.links.settings import LinksValues
from service.protocols.links.tickets import LinkTicket
from service.signing.validation import check_key, check_prefix

FEATURE: Final = "share links"
_TOO_MANY_COUNTED: Final = (
    f"You have {MOST_LINKS} links with `max_uses` that are not over, which is the most. Wait until "
    "one is, or end one. The operator can end all of your links by `revoked_before`."
)
_TOO_MANY_ENDED: Final = (
    f"You have ended {MOST_LINKS} links before their time, which is the most. The operator can end "
    "all of your links by `revoked_before`."
)
_NAME_LENGTH: Final = 32  # of a maker in the store: 128 bits
_NO_STORE: Final = (
    "This service has no store for links, so it cannot count uses, list links or revoke them."
)


class Links:
    def __init__(
        self,
        values: LinksValues | None,
        shared: Revocations | None,
        *,
        authorizer: Authorizer,
        objects: LinkedObjects,
        clock: Clock,
        salt: Callable[[], bytes],
    ) -> None:
        """Without `values` there are no links. `shared` has the store that replicas share.

        `salt` returns SALT_BYTES random bytes.
        """
        self.values = values
        self.shared = shared
        self._authorizer = authorizer
        self._objects = objects
        self._clock = clock
        self._salt = salt

    async def create(self, requester: Requester, request: LinkRequest) -> CreatedLink:
        """Make a link, which counts as one URL against the caller's rate.

        Raises Forbidden, InvalidRequest if there is no such object, or no store to count uses, and
        LimitExceeded for too many links with `max_uses`; and what `Authorizer.audited` raises.
        """
        create = partial(self._create, self._configured(), requester, request)
        return await self._authorizer.audited(requester, request, request.key, create)

    async def listed(self, requester: Requester, before: int | None, route: str) -> OwnLinks:
        """Return a page of the caller's own links: those made before the cursor `before`.

        `route` is the path's template, for the audit line of a refusal. Raises InvalidRequest
        without a store, Overloaded while it is out of reach, and RateLimited: it counts as one URL.
        """
        work = partial(self._listed, self._configured(), requester, before)
        return await self._authorizer.audited(requester, UnreadRequest(route), (), work)

    async def end(self, requester: Requester, link_id: str, route: str) -> None:
        """End one of the caller's own links, in each replica. An expired one needs nothing.

        Raises NotFound unless the id is that of a link of the caller's, LimitExceeded if the caller
        has ended too many, and what `listed` raises, where `route` is explained, too.
        """
        end = partial(self._end, self._configured(), requester, link_id)
        await self._authorizer.audited(requester, UnreadRequest(route), (), end)

    def stored(self, maker: Caller, link_id: str, expires_at: int) -> StoredLink:
        """Return a link as the store knows it.

        `revoked_before` ends all links of its maker. What the store has of them counts no longer,
        unless the entry demands claims, which the maker may lack when it ends a link.
        """
        return StoredLink(link_id, self._name_of(maker), expires_at)

    def _name_of(self, maker: Caller) -> str:
        cutoff = self._authorizer.snapshot.not_before(Identity(maker))
        return sha256(pack_caller(maker) + f" {cutoff}".encode()).hexdigest()[:_NAME_LENGTH]

    async def _create(
        self, values: LinksValues, requester: Requester, request: LinkRequest
    ) -> CreatedLink:
        self._granted(requester, request)
        await self._check_object(requester, request)
        made = self._granted(requester, request)  # the configuration may have changed meanwhile
        ticket = values.keys.seal(self._link(requester, request, made))
        await self._register(ticket)
        is_listed = await self._list(values, ticket)
        requester.link_id = ticket.id
        return CreatedLink(
            expires_in=made.expires_in,
            limited_by=made.limited_by,
            url=f"{values.url}/l/{ticket.text}",
            id=ticket.id,
            expires_at=ticket.link.expires_at,
            is_listed=is_listed,
        )

    async def _listed(
        self, values: LinksValues, requester: Requester, before: int | None
    ) -> OwnLinks:
        shared, caller = self._require_shared(), requester.identity.caller
        if is_anonymous(caller):  # anybody is that caller
            return OwnLinks(links=[], next=None)
        page = await shared.store.listed(self._name_of(caller), before)
        found = self._own(values, shared, requester, page.links)
        return OwnLinks(links=[*found], next=page.next)

    def _own(
        self,
        values: LinksValues,
        shared: Revocations,
        requester: Requester,
        listed: Sequence[ListedLink],
    ) -> Iterator[OwnLink]:
        """Yield the links that are not over, and that this service has sealed for this caller."""
        now, caller = self._clock.wall(), requester.identity.caller
        grants = self._authorizer.access(requester).grants
        for link in listed:
            own = own_link(values, caller, grants, link)
            if own is not None and own.link.expires_at > now:
                end = own.link.expires_at
                is_revoked = own.is_revoked or shared.is_revoked(own.id, end)
                yield replace(own, is_revoked=is_revoked)

    async def _end(self, values: LinksValues, requester: Requester, link_id: str) -> EndedLink:
        expires_at = values.keys.end_of(link_id, requester.identity.caller)
        if expires_at is None:
            raise NotFound("You have no link with this id.")
        link = self.stored(requester.identity.caller, link_id, expires_at)
        shared, is_over = self._require_shared(), expires_at <= self._clock.wall()
        if not is_over and not await shared.revoke(link):
            raise LimitExceeded(_TOO_MANY_ENDED)
        requester.link_id = link_id
        return EndedLink()

    def _configured(self) -> LinksValues:
        if self.values is None:
            raise NotConfigured(FEATURE)
        return self.values

    def _require_shared(self, pointer: str | None = None) -> Revocations:
        if self.shared is None:
            raise InvalidRequest(_NO_STORE, pointer=pointer)
        return self.shared

    async def _check_object(self, requester: Requester, request: LinkRequest) -> None:
        """Raises InvalidRequest if the store says that there is nothing to download."""
        if request.is_prefix:
            return
        seen = await self._objects.look(requester, request.bucket, request.key, is_counted=True)
        if seen.is_missing:
            raise InvalidRequest("There is no object with this key.", pointer="#/key")

    async def _register(self, ticket: LinkTicket) -> None:
        if (max_uses := ticket.link.max_uses) is not None:
            store, link = self._require_shared("#/max_uses").store, ticket.link
            stored = self.stored(link.caller, ticket.id, link.expires_at)
            if not await store.register(stored, max_uses):
                raise LimitExceeded(_TOO_MANY_COUNTED, pointer="#/max_uses")

    async def _list(self, values: LinksValues, ticket: LinkTicket) -> bool:
        """Return whether the link is in the list. A link works without being in it."""
        if self.shared is None or is_anonymous(ticket.link.caller):
            return False
        stored = self.stored(ticket.link.caller, ticket.id, ticket.link.expires_at)
        try:
            return await self.shared.store.keep(stored, values.keys.seal_for_store(ticket.link))
        except Overloaded:
            return False

    def _granted(self, requester: Requester, request: LinkRequest) -> MadeLink:
        """Return how long the link may live. Raises Forbidden if no grant allows it."""
        if request.is_prefix:
            check_prefix(request.key)
        else:
            check_key(request.key)
        grants = self._authorizer.access(requester).grants
        if (most := max_link_expires_in(grants, request.access())) is None:
            raise Forbidden
        asked = request.lifetime.expires_in
        is_limited = asked is not None and asked > most
        return MadeLink(min(asked or WEEK, most), "grant" if is_limited else None)

    def _link(self, requester: Requester, request: LinkRequest, made: MadeLink) -> Link:
        identity, now = requester.identity, int(self._clock.wall())
        expires_at, not_before = now + made.expires_in, request.not_before
        if not_before is not None and not_before >= expires_at:
            detail = "The link would end before it begins."
            raise InvalidRequest(detail, pointer="#/not_before")
        kept = self._authorizer.snapshot.to_keep(identity, request.bucket, Operation.LINK)
        return Link(
            caller=kept.caller,
            claims=kept.claims,
            facts=kept.facts,
            bucket=request.bucket,
            key=request.key,
            is_prefix=request.is_prefix,
            operation=request.purpose,
            issued_at=now,
            expires_at=expires_at,
            not_before=not_before if not_before is not None and not_before > now else None,
            max_uses=request.max_uses,
            filename=request.filename,
            label=request.label,
            message=request.message,
            salt=self._salt(),
        )


def own_link(
    values: LinksValues, caller: Caller, grants: Grants, listed: ListedLink
) -> OwnLink | None:
    """Return a link of the caller's, or None if no key has sealed it for this caller and id.

    So nobody who writes to the store gets the address of another caller's link.

    Sessions of one caller may have other claims, so `grants` are those of the session that asks.
    Whether the link is revoked is what the configuration says.
    """
    ticket = values.keys.open_from_store(listed.sealed)
    if ticket is None or ticket.id != listed.id or ticket.link.caller != caller:
        return None
    link = ticket.link
    longest = max_link_expires_in(grants, link.access())
    return OwnLink(
        id=ticket.id,
        link=link,
        url=None if longest is None else f"{values.url}/l/{ticket.text}",
        is_revoked=ticket.id in values.revoked,
        uses=None if link.max_uses is None else link.max_uses - (listed.uses_left or 0),
    )
