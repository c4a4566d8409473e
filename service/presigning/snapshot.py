"""The current configuration: buckets and callers as one object, which a reload replaces as a whole.

A request holds it no longer than it runs.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from service.access.caller_entries import Entries
from service.access.callers import (
    CallerEntry,
    Identity,
    grants_of,
    pointers,
    rate_of,
    revoked_before,
)
from service.access.claims import Fact
from service.access.conditions import conditions_of, tag_name
from service.access.copy_policy import Copies, GrantedBucket, copy_policy, grants_of_copies
from service.access.grants import Caller, Grant, Grants, Operation, of_buckets
from service.access.r2_rights import may_copy, session_rights
from service.access.session_policy import session_policies
from service.auth.api_keys import ApiKeys
from service.concurrency.bounded_dict import BoundedDict
from service.presigning.bucket import Bucket
from service.presigning.caller_access import (
    CallerAccess,
    CallerSessions,
    Copying,
    CopySession,
    CopySessions,
)
from service.sessions import signature_age
from service.sessions.pool_entry import SessionKey
from service.sessions.source import Owner

# A caller's grants with `download`, by what signs for their buckets, and by bucket
Downloads = Mapping[tuple[Hashable, ...] | None, Mapping[str, tuple[Grant, ...]]]
_MOST_SOURCES = 20  # buckets to copy from; no session policy has room for more
_MAX_CALLERS = 4096  # cached; beyond that the oldest are computed again


def _cache() -> BoundedDict[Hashable, CallerAccess]:
    return BoundedDict(_MAX_CALLERS)


@dataclass(slots=True, kw_only=True, eq=False)
class Snapshot:
    """Immutable, except for its caches."""

    buckets: Mapping[str, Bucket]
    callers: tuple[CallerEntry, ...]
    api_keys: ApiKeys
    default_expires_in: int
    unsafe_anonymous_caller: Identity | None = None
    s3_buckets: Mapping[str, str] = field(init=False, repr=False)  # the buckets' names at the store
    tags_read_by: frozenset[str] = field(init=False, repr=False)  # as `tag_name` returns them
    _entries: Entries = field(init=False, repr=False)
    _revoked: Entries = field(init=False, repr=False)  # those with a `revoked_before`
    _revoked_by_claims: list[CallerEntry] = field(init=False, repr=False)
    _by_claims: dict[Hashable, CallerAccess] = field(default_factory=_cache, init=False, repr=False)
    _by_identity: dict[Hashable, CallerAccess] = field(
        default_factory=_cache, init=False, repr=False
    )

    def __post_init__(self) -> None:
        conditions = {grant.conditions for caller in self.callers for grant in caller.grants}
        tags = (tag for each in conditions if each is not None for tag in each.only_if_tagged)
        self.tags_read_by = frozenset(tag_name(name) for name, _ in tags)
        self._entries = Entries(self.callers)
        revoked = [caller for caller in self.callers if caller.revoked_before > -math.inf]
        self._revoked = Entries(revoked)
        self._revoked_by_claims = [entry for entry in revoked if entry.claims]
        self.s3_buckets = {name: bucket.s3_bucket for name, bucket in self.buckets.items()}

    def access(self, identity: Identity) -> CallerAccess:
        """Return what the caller may do, computed once for a caller and its claims.

        An API key or a cached token has the same `Identity` object each time, so that is looked up
        first.
        """
        if (found := self._by_identity.get(identity)) is None:
            values = (identity.facts, *sorted(identity.claims.items()))
            claims = (identity.caller, identity.by_link, *values)
            if (found := self._by_claims.get(claims)) is None:
                found = self._by_claims[claims] = self._compute_access(identity)
            self._by_identity[identity] = found
        return found

    def matched(self, identity: Identity) -> list[CallerEntry]:
        """Return the entries that match, in the configuration's order."""
        return self._entries.of(identity)

    def to_keep(
        self, identity: Identity, bucket: str, operation: Operation | None = None
    ) -> Identity:
        """Return the caller with the claims that grants on this bucket use, for a link or a ticket.

        With `operation` only grants that allow it count. The facts include those of entries that
        limit the caller, by a rate or `revoked_before`.
        """
        claims, facts = dict[str, str](), set[Fact]()
        for entry in self._entries.of(identity):
            grants = [
                grant
                for grant in entry.grants
                if grant.bucket == bucket and (operation is None or operation in grant.allow)
            ]
            used = {pointer for grant in grants for pointer in pointers(grant.prefix)}
            claims |= {name: value for name, value in identity.claims.items() if name in used}
            if grants or entry.rate is not None or entry.revoked_before > -math.inf:
                facts |= entry.held(identity.facts)
        return Identity(identity.caller, claims, facts=frozenset(facts))

    def not_before(self, identity: Identity) -> float:
        """Return the time, in epoch seconds, after which the caller's sessions must have begun."""
        return revoked_before(self._revoked.of(identity), identity)

    def cutoffs(self, owner: Owner) -> frozenset[float]:
        """Return what `not_before` can be for an owner of sessions, by its claims."""
        if owner is None:
            return frozenset({-math.inf})
        caller = Caller(issuer=owner[0], subject=owner[1])
        least = self.not_before(Identity(caller))
        by_claims = (e.revoked_before for e in self._revoked_by_claims if e.may_match(caller))
        return frozenset({least, *(max(least, time) for time in by_claims)})

    def _compute_access(self, identity: Identity) -> CallerAccess:
        entries, caller = self._entries.of(identity), identity.caller
        grants, not_before = grants_of(entries, identity), revoked_before(entries, identity)
        scoped = SessionKey("", (caller.issuer, caller.subject), None, not_before)
        owned = {
            name: SessionKey(name, None, None)
            if not self.buckets[name].is_scoped
            else scoped._replace(bucket=name)
            for name in {grant.bucket for grant in grants}
        }
        sessions = {
            conditions: self._sessions(of_buckets(own), owned)
            for conditions, own in {None: [], **conditions_of(grants)}.items()
        }
        copying = CopySessions(partial(_copying, self.buckets, grants, owned))
        if identity.by_link:  # by the same sessions
            grants = Grants(grant for grant in grants if Operation.LINK in grant.allow)
        rate = rate_of(entries, identity)
        return CallerAccess(grants, owned, sessions, copying, rate)

    def _sessions(
        self, by_bucket: Mapping[str, list[Grant]], owned: Mapping[str, SessionKey]
    ) -> CallerSessions:
        upload_keys, session_keys = dict[str, SessionKey](), dict[str, SessionKey]()
        for name, own in by_bucket.items():
            upload_keys[name] = session_keys[name] = owned[name]
            if self.buckets[name].has_tokens:
                session_keys[name] = owned[name]._replace(policy=session_rights(own))
                upload_keys[name] = session_keys[name]
            elif (arns := self.buckets[name].arns) is not None:
                policies = session_policies(own, arns, max_age=signature_age.max_age(own))
                upload_keys[name] = owned[name]._replace(policy=policies.uploading)
                session_keys[name] = owned[name]._replace(policy=policies.other)
        return CallerSessions(session_keys, upload_keys)


def _copying(
    buckets: Mapping[str, Bucket],
    grants: Sequence[Grant],
    owned: Mapping[str, SessionKey],
    copying: Copying,
) -> CopySession:
    """`owned` are a caller's keys, by bucket.

    It is no method: the snapshot caches it, and would be in a cycle with it. See
    `without_garbage_collection`.
    """
    name = copying.bucket
    by_bucket = of_buckets(grants_of_copies(grants, copying.target, copying.source))
    bucket, own, key = buckets[name], by_bucket[name], owned[name]
    uploads = any(Operation.UPLOAD in grant.allow for grant in own)
    shared = downloads(buckets, by_bucket).get(bucket.copy_group, {}) if uploads else {}
    within = frozenset(() if bucket.is_access_point else {name})
    if bucket.has_tokens:
        sources = within & shared.keys() if may_copy(own) else frozenset[str]()
        return CopySession(key._replace(policy=session_rights(own)), sources)
    if bucket.arns is None:
        return CopySession(key, within | shared.keys())
    others = other_sources(buckets, name, shared)
    max_age = signature_age.max_age(own)
    if (found := copy_policy(own, bucket.arns, max_age=max_age, others=others)) is None:
        return CopySession(key, frozenset())
    between = shared.keys() if found.copies is Copies.BETWEEN else frozenset[str]()
    return CopySession(key._replace(policy=found.policy), within | between)


def downloads(buckets: Mapping[str, Bucket], by_bucket: Mapping[str, list[Grant]]) -> Downloads:
    """Return the grants with `download`, from which a caller may copy."""
    found = defaultdict[tuple[Hashable, ...] | None, dict[str, tuple[Grant, ...]]](dict)
    for name, grants in by_bucket.items():
        bucket = buckets[name]
        reading = tuple(grant for grant in grants if Operation.DOWNLOAD in grant.allow)
        if reading and bucket.copy_group is not None and not bucket.is_access_point:
            found[bucket.copy_group][name] = reading
    return found


def other_sources(
    buckets: Mapping[str, Bucket], name: str, shared: Mapping[str, tuple[Grant, ...]]
) -> list[GrantedBucket]:
    """Return what a copy to this bucket may read in the others, if a policy can have room for it.

    `shared` are those of `downloads` that have the bucket's `copy_group`.
    """
    if len(shared) > _MOST_SOURCES:
        return []
    return [
        GrantedBucket(arns, grants)
        for other, grants in shared.items()
        if other != name and (arns := buckets[other].arns) is not None
    ]
