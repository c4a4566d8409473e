"""Stamps: all of an answer but its key, for one caller and one shape of ask within one second.

Rules of this file:
- A stamp stands while nothing that it was made of has changed: the configuration, of which the
  caller's `Access` is a part, the session, and the second by that session's own clock.
- It serves the keys within its reach, since grants are all that a key can change.
- One of a window of equal URLs is not kept: its session need not be the current one, by which `stands` goes.
- It is found by the identity of what it was made of, which it keeps alive. So only what comes again as
  the same object is worth keeping: an upload's action never does.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from pydantic_core import to_json

from service.access.grants import Caller, Reach, reach
from service.presigning.audit import Requester
from service.presigning.authorizer import Authority, Permit
from service.presigning.requests import Ask, request_demand, with_page_size
from service.presigning.results import to_send
from service.presigning.snapshot import Access, Bucket
from service.sessions.lifetime import Lifetime, Term
from service.sessions.session import Session
from service.signing.actions import Action, ListObjects, PutObject
from service.signing.signer import SigningContext

_MAX_STAMPS: Final = 256
_URL_ID_LENGTH: Final = 32  # hex digits, as a request's own id has them


@dataclass(slots=True, eq=False)
class Stamp:
    access: Access = field(repr=False)
    action: Action
    lifetime: Lifetime
    reach: Reach | None
    permit: Permit = field(repr=False)
    context: SigningContext
    headers: dict[str, str]
    term: Term
    session: Session = field(repr=False)


class Stamps:
    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._kept: dict[tuple[int, int, int, str], Stamp] = {}

    def find(self, requester: Requester, ask: Ask) -> Stamp | None:
        """Raises what the caller is told if it may not have it. None: the session has yet to come."""
        access = self._authority.access(requester)
        at = (id(access), id(ask.action), id(ask.lifetime), ask.bucket)
        stamp = self._kept.get(at)
        if stamp is not None and self._serves(stamp, ask.key):
            return stamp
        stamp = self._make(requester, access, ask)
        if stamp is not None and _comes_again(stamp):
            self._keep(at, stamp)
        return stamp

    def _serves(self, stamp: Stamp, key: str) -> bool:
        reached = stamp.reach
        return reached is not None and reached.holds(key) and self._authority.stands(stamp.permit)

    def _make(self, requester: Requester, access: Access, ask: Ask) -> Stamp | None:
        asked = with_page_size(ask, access.grants)
        demand = request_demand(asked)
        granted = self._authority.granted(requester, demand)
        action = _as_configured(asked.action, granted.bucket)
        if (permit := self._authority.permit(granted, ask.lifetime)) is None:
            return None
        context = _context(requester, ask, action, permit)
        return Stamp(
            access,
            ask.action,
            ask.lifetime,
            None if isinstance(action, PutObject | ListObjects) else reach(access.grants, demand),
            permit,
            context,
            to_send(context.headers),
            permit.term,
            permit.signing.session,
        )

    def _keep(self, at: tuple[int, int, int, str], stamp: Stamp) -> None:
        if at not in self._kept and len(self._kept) >= _MAX_STAMPS:
            del self._kept[next(iter(self._kept))]
        self._kept[at] = stamp


def _comes_again(stamp: Stamp) -> bool:
    once = stamp.permit.bucket.tag_urls or stamp.lifetime.stable_for is not None
    return stamp.reach is not None and not once


def _context(requester: Requester, ask: Ask, action: Action, permit: Permit) -> SigningContext:
    tag = requester.request_id if permit.bucket.tag_urls else None
    signer, term, stable_for = permit.signing.signer, permit.term, ask.lifetime.stable_for
    if stable_for is not None:
        signer = permit.signing.stable_signer
        if tag is not None:
            tag = term.url_id = _url_id(requester.identity.caller, term.now, stable_for)
    return signer.context(action, now=term.now, expires_in=term.expires_in, tag=tag)


def _url_id(caller: Caller, begins_at: int, stable_for: int) -> str:
    """Of all URLs that a caller gets in a window, in place of the id of any one request."""
    window = to_json([caller.issuer, caller.subject, begins_at, stable_for])
    return sha256(window).hexdigest()[:_URL_ID_LENGTH]


def _as_configured(action: Action, bucket: Bucket) -> Action:
    """An upload as the bucket wants it: encrypted, and create-only where the store can do that."""
    if not isinstance(action, PutObject):
        return action
    if action.if_match is not None:
        bucket.refuse_create_only(pointer="#/if_match")
    elif not action.overwrite:
        bucket.refuse_create_only()
    return action if bucket.encryption is None else replace(action, encryption=bucket.encryption)
