"""The current configuration as the rooms see it: one frozen object, replaced as a whole.

Nobody holds a part of it longer than a request, so files can be read again without touching the rest.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeVar

from service.access.callers import (
    CallerEntry,
    Identity,
    Rate,
    granted,
    rate_of,
    revoked_before,
)
from service.access.grants import Caller, Grant
from service.access.session_policy import BucketArns, deny_all, session_policy
from service.access.subject_patterns import Patterns
from service.auth.api_keys import ApiKeys
from service.errors import CreateOnlyUnsupported
from service.sessions.pool_entry import SessionKey
from service.sessions.sts import Owner
from service.signing.actions import Encryption
from service.signing.signer import Address

K = TypeVar("K", bound=Hashable)

_MAX_CALLERS = 4096  # remembered; beyond that the oldest are worked out again


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket. Callers use its name in the configuration; the store's name is `s3_bucket`.

    Without `arns`, its sessions are not scoped: one session signs for all callers.
    """

    s3_bucket: str
    address: Address
    arns: BucketArns | None = None
    encryption: Encryption | None = None
    conditional_writes: bool = True
    tag_urls: bool = False

    def refuse_create_only(self, *, pointer: str = "#/overwrite") -> None:
        """Raises CreateOnlyUnsupported if the store has no conditional writes, so that no promise is broken."""
        if not self.conditional_writes:
            detail = "The store of this bucket has no conditional writes. Ask to overwrite."
            raise CreateOnlyUnsupported(detail, pointer=pointer)

    @property
    def probe_policy(self) -> str | None:
        """The policy of the bucket's own session. It denies everything: the session only shows that the role works."""
        return None if self.arns is None else deny_all(self.arns)


@dataclass(frozen=True, slots=True)
class CallerAccess:
    """What one caller may do, its rate limit, and its session for each bucket."""

    grants: tuple[Grant, ...]
    session_keys: Mapping[str, SessionKey]
    rate: Rate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    buckets: Mapping[str, Bucket]
    callers: tuple[CallerEntry, ...]
    api_keys: ApiKeys
    default_expires_in: int
    unsafe_anonymous_caller: Identity | None = None
    console: bool = False
    s3_buckets: Mapping[str, str] = field(init=False, repr=False)  # the buckets' names at the store
    _known: dict[Hashable, CallerAccess] = field(default_factory=dict, init=False, repr=False)
    _seen: dict[Identity, CallerAccess] = field(default_factory=dict, init=False, repr=False)
    _entries: "Entries" = field(init=False, repr=False)
    _revoked: "Entries" = field(init=False, repr=False)  # those with a `revoked_before`

    def __post_init__(self) -> None:
        object.__setattr__(self, "_entries", Entries(self.callers))
        revoked = (each for each in self.callers if each.revoked_before > -math.inf)
        object.__setattr__(self, "_revoked", Entries(revoked))
        names = {name: bucket.s3_bucket for name, bucket in self.buckets.items()}
        object.__setattr__(self, "s3_buckets", names)

    def access(self, identity: Identity) -> CallerAccess:
        """Computed once for a caller and the claims that its grants use.

        A key, or a token that is known, gives the same identity each time: most are found by that.
        """
        if (found := self._seen.get(identity)) is None:
            found = self._find(identity)
            _keep(self._seen, identity, found)
        return found

    def not_before(self, owner: Owner) -> float:
        """Its sessions must have started after this time, in epoch seconds."""
        if owner is None:
            return -math.inf
        caller = Caller(issuer=owner[0], subject=owner[1])
        return revoked_before(self._revoked.of(caller), caller)

    def _find(self, identity: Identity) -> CallerAccess:
        known_by = (identity.caller, *sorted(identity.claims.items()))
        if (found := self._known.get(known_by)) is not None:
            return found
        access = self._work_out(identity)
        _keep(self._known, known_by, access)
        return access

    def _work_out(self, identity: Identity) -> CallerAccess:
        entries = self._entries.of(identity.caller)
        grants = granted(entries, identity)
        buckets = {grant.bucket for grant in grants}
        not_before = revoked_before(entries, identity.caller)
        return CallerAccess(
            grants,
            {
                name: self._session_key(name, identity.caller, grants, not_before)
                for name in buckets
            },
            rate_of(entries, identity.caller),
        )

    def _session_key(
        self, name: str, caller: Caller, grants: Iterable[Grant], not_before: float
    ) -> SessionKey:
        arns = self.buckets[name].arns
        if arns is None:
            return SessionKey(name, None, None)
        policy = session_policy((grant for grant in grants if grant.bucket == name), arns)
        return SessionKey(name, (caller.issuer, caller.subject), policy, not_before)


class Entries:
    """Finds the entries of a caller. To compare thousands would take milliseconds a caller."""

    def __init__(self, entries: Iterable[CallerEntry]) -> None:
        self._of = defaultdict[tuple[str | None, str], list[tuple[int, CallerEntry]]](list)
        patterns = defaultdict[str | None, set[str]](set)
        for place, entry in enumerate(entries):
            self._of[entry.issuer, entry.subject].append((place, entry))
            if "*" in entry.subject:
                patterns[entry.issuer].add(entry.subject)
        self.patterns = {issuer: Patterns(of_it) for issuer, of_it in patterns.items()}

    def of(self, caller: Caller) -> list[CallerEntry]:
        """The entries that match, in the configuration's order."""
        subjects = {caller.subject}
        if (patterns := self.patterns.get(caller.issuer)) is not None:
            subjects.update(patterns.matching(caller.subject))
        near = [each for subject in subjects for each in self._of.get((caller.issuer, subject), ())]
        return [entry for _, entry in sorted(near, key=itemgetter(0)) if entry.matches(caller)]


def _keep(kept: dict[K, CallerAccess], key: K, access: CallerAccess) -> None:
    if len(kept) >= _MAX_CALLERS:
        del kept[next(iter(kept))]
    kept[key] = access
