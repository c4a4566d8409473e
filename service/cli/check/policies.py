"""What `presign check` says about session policies: what they leave out, and what STS refuses."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice
from typing import Final

from service.access.bucket_arns import BucketArns
from service.access.caller_entries import Entries
from service.access.callers import (
    CallerEntry,
    Identity,
    caller_name,
    pointers,
    without_placeholders,
)
from service.access.claims import LONGEST_CLAIM, NO_FACTS
from service.access.copy_policy import (
    Copies,
    CopyPolicy,
    GrantedBucket,
    copy_policy,
    receives_copies,
)
from service.access.create_only import (
    bound_to_create,
    is_create_only,
    overwriting,
    uploads_without_condition,
)
from service.access.grants import Caller, Grant, Operation
from service.access.session_policy import (
    LIST_VERSIONS_ACTION,
    MAX_POLICY_LENGTH,
    SessionPolicies,
    least_policies,
    session_policies,
)
from service.app import builders
from service.app.settings import Settings
from service.errors import ConfigurationProblem
from service.presigning.snapshot import Bucket, Downloads, downloads, other_sources
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from service.sessions import signature_age
from service.signing.signer import Address

# By bucket; None if its sessions are not scoped
Arns = Mapping[str, BucketArns | None]

MAX_OVERLAPS: Final = 20_000  # takes a second or two
_ALPHANUMERIC: Final = re.compile("[0-9A-Za-z]")


def oversized_policies(
    settings: Settings, addresses: Mapping[str, Address], entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    """Yield a problem for each session policy that STS would refuse, with its caller."""
    sizes = _Sizes(bucket_arns(settings, addresses))
    locations = dict(zip(map(id, entries), settings.caller_locations(), strict=True))
    for entry, grants in widest_callers(entries):
        for text in sizes.oversized(grants):
            problem = f"{caller_name(entry)}: {text}; merge or shorten its prefixes"
            yield ConfigurationProblem(problem, locations[id(entry)])


def oversized_by_claims(
    settings: Settings, addresses: Mapping[str, Address], entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    """Yield a warning for each issuer whose callers with several claims STS might refuse."""
    sizes = _Sizes(bucket_arns(settings, addresses))
    for issuer in settings.issuers:
        by_claims = [each for each in entries if each.issuer == issuer and each.claims]
        grants = [each for entry in by_claims for each in _longest_grants(entry)]
        for text in sizes.oversized(grants) if len(by_claims) > 1 else ():
            problem = f"for a caller with the claims of all entries, {text}"
            yield ConfigurationProblem(problem, ("issuers", issuer))


class _Sizes:
    """Says which policies are too long, of each combination of grants on a bucket once."""

    def __init__(self, arns: Arns) -> None:
        self._arns = arns
        self._known = dict[tuple[str, tuple[int, ...]], tuple[str, ...]]()
        self._kept = list[Grant]()  # so that no other grant gets its id

    def oversized(self, grants: list[Grant]) -> Iterator[str]:
        by_bucket = defaultdict[str, list[Grant]](list)
        for grant in grants:
            by_bucket[grant.bucket].append(grant)
        for name, own in sorted(by_bucket.items()):
            at = (name, tuple(map(id, own)))
            if (texts := self._known.get(at)) is None:
                self._kept += own
                texts = self._known[at] = tuple(self._of_bucket(name, own))
            yield from texts

    def _of_bucket(self, name: str, own: list[Grant]) -> Iterator[str]:
        if (arns := self._arns[name]) is None:
            return
        for what, policy in _policies(own, name, arns):
            if len(policy) > MAX_POLICY_LENGTH:
                yield (
                    f"{what} for bucket {name} can have {len(policy)} characters, but STS accepts "
                    f"{MAX_POLICY_LENGTH} at most"
                )


def _policies(grants: list[Grant], bucket: str, arns: BucketArns) -> Iterator[tuple[str, str]]:
    # Of a single grant the length is that of its shape, as in `policies_of`.
    own = _of_shape(grants) if len(grants) == 1 else tuple(grants)
    for policy in dict.fromkeys(_least_policies(own, arns)):
        yield "its session policy", policy
    vended = policy_for(grants, CredentialsRequest(bucket=bucket), arns)
    if vended:
        yield "the session policy of its credentials", vended


def warnings(entries: tuple[CallerEntry, ...]) -> Iterator[ConfigurationProblem]:
    overlaps = _overlaps(Entries(entries))
    if next(islice(overlaps, MAX_OVERLAPS, None), None) is not None:
        text = f"over {MAX_OVERLAPS} pairs of subjects overlap; only that many are checked"
        yield ConfigurationProblem(text, ("callers",))


def bucket_arns(
    settings: Settings, addresses: Mapping[str, Address]
) -> dict[str, BucketArns | None]:
    return {
        name: builders.arns(name, bucket, addresses[name].region)
        for name, bucket in settings.buckets.items()
    }


def widest_callers(
    entries: tuple[CallerEntry, ...],
) -> Iterator[tuple[CallerEntry, list[Grant]]]:
    """Yield example callers: one per entry, and one per overlapping pair of subjects.

    Each is the last entry that matches it, and the grants of all that do.
    """
    index, longest = Entries(entries), {id(each): _longest_grants(each) for each in entries}
    examples = [(each.caller, each.facts) for each in (entry.example() for entry in entries)]
    overlaps = (
        (Caller(issuer=issuer, subject=subject), NO_FACTS)
        for issuer, subject in islice(_overlaps(index), MAX_OVERLAPS)
    )
    for caller, facts in dict.fromkeys(chain(examples, overlaps)):
        if matching := index.of(Identity(caller, facts=facts)):
            yield matching[-1], [each for entry in matching for each in longest[id(entry)]]


def _longest_grants(entry: CallerEntry) -> list[Grant]:
    return [with_long_claims(grant) for grant in entry.grants]


def _overlaps(entries: Entries) -> Iterator[tuple[str | None, str]]:
    """Yield, for each two overlapping patterns of one issuer, a subject that both match."""
    for issuer, patterns in entries.patterns.items():
        for pattern in patterns:
            for other, subject in patterns.intersecting(pattern):
                if pattern < other:
                    yield issuer, subject


def with_long_claims(grant: Grant) -> Grant:
    """Replace each placeholder with a claim of the greatest length, different for each pointer."""
    if not pointers(grant.prefix):
        return grant
    prefix = without_placeholders(
        grant.prefix, lambda pointer: sha256(pointer.encode()).hexdigest()[:LONGEST_CLAIM]
    )
    return replace(grant, prefix=prefix)


def describe(arns: Arns) -> Iterator[str]:
    """Yield a line about each store that supports no limits."""
    for name, each in arns.items():
        if each is not None and not each.enforces_limits:
            yield (
                f"bucket {name}: signatures enforce create-only and lifetimes; the session policy "
                "does not, since only AWS is sure to support its conditions"
            )


def left_out(buckets: Mapping[str, Bucket], grants: Mapping[Grant, str]) -> Iterator[str]:
    """Yield what the session policies of a caller with these grants leave out.

    `grants` are as long as claims make them, each with its prefix as it is written.
    """
    by_bucket = defaultdict[str, list[Grant]](list)
    for grant in grants:
        by_bucket[grant.bucket].append(grant)
    readable = downloads(buckets, by_bucket)
    for name, own in sorted(by_bucket.items()):
        if (arns := buckets[name].arns) is not None:
            limits = _left_out(own, arns, grants) if arns.enforces_limits else ()
            for text in (*limits, *_unlisted(own, arns), *_uncopied(name, own, buckets, readable)):
                yield f"the session policy for bucket {name} {text}"


def policies_of(own: tuple[Grant, ...], arns: BucketArns) -> SessionPolicies:
    """Return policies with the statements and the length of those of these grants.

    Thousands of callers have one grant on a bucket, each with a prefix of its own. Those whose
    prefixes have one shape share them. A/B, 80,000 of them in 100 buckets: 0.5 s of CPU and 1 MiB;
    11 s and 56 MiB if each is made.
    """
    return _policies_of(_of_shape(own) if len(own) == 1 else own, arns)


def copies_of(
    own: tuple[Grant, ...], arns: BucketArns, others: tuple[GrantedBucket, ...] = ()
) -> CopyPolicy | None:
    """Return the policy of the session that copies, as `policies_of`."""
    buckets = (GrantedBucket(arns, own), *others)
    alone = all(len(bucket.grants) == 1 for bucket in buckets)
    if alone and len({each.arns.bucket for each in buckets}) == len(buckets):
        own = _of_shape(own)
        others = tuple(GrantedBucket(other.arns, _of_shape(other.grants)) for other in others)
    return _copies_of(own, arns, others)


def _of_shape(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    return tuple(replace(grant, prefix=_ALPHANUMERIC.sub("x", grant.prefix)) for grant in grants)


@lru_cache(maxsize=4096)
def _policies_of(own: tuple[Grant, ...], arns: BucketArns) -> SessionPolicies:
    """Takes 0.2 ms or more."""
    return session_policies(own, arns, max_age=signature_age.max_age(own))


@lru_cache(maxsize=4096)
def _copies_of(
    own: tuple[Grant, ...], arns: BucketArns, others: tuple[GrantedBucket, ...]
) -> CopyPolicy | None:
    return copy_policy(own, arns, max_age=signature_age.max_age(own), others=others)


_least_policies = lru_cache(maxsize=4096)(least_policies)


def _left_out(
    grants: list[Grant], arns: BucketArns, prefixes: Mapping[Grant, str]
) -> Iterator[str]:
    max_age = signature_age.max_age(grants)
    policy = policies_of(tuple(grants), arns).uploading
    unconditional = uploads_without_condition(grants)
    for grant in filter(is_create_only, unconditional):
        yield (
            f"does not enforce create-only for {prefixes[grant] or 'everything'}: forms and drop "
            "boxes there need uploads without a condition"
        )
    yield from _no_room(policy, bound_to_create(grants, unconditional), max_age)


def _no_room(
    policy: str, creating: list[Grant], max_age: int | None, of: str = ""
) -> Iterator[str]:
    if creating and "s3:if-none-match" not in policy:
        yield f"has no room for create-only{of}; merge or shorten its prefixes"
    if max_age is not None and "s3:signatureAge" not in policy:
        yield f"has no room for the age of signatures{of}; merge or shorten its prefixes"


def _unlisted(grants: list[Grant], arns: BucketArns) -> Iterator[str]:
    needed = {Operation.LIST, Operation.VERSIONS}
    wanted = any(grant.covers_subtree and needed <= grant.allow for grant in grants)
    if wanted and LIST_VERSIONS_ACTION not in policies_of(tuple(grants), arns).other:
        yield "has no room for lists of versions; merge or shorten its prefixes"


def _uncopied(
    name: str, own: list[Grant], buckets: Mapping[str, Bucket], readable: Downloads
) -> Iterator[str]:
    bucket = buckets[name]
    shared = readable.get(bucket.copy_group, {})
    targets = [grant for grant in own if receives_copies(grant)]
    if bucket.arns is None or not shared or not targets:
        return
    others = other_sources(buckets, name, shared)
    found = copies_of(tuple(own), bucket.arns, tuple(others))
    if found is None:
        yield "has no room for copies; merge or shorten its prefixes"
        return
    if found.copies is Copies.WITHIN and not shared.keys() <= {name}:
        yield "has no room for copies from other buckets; merge or shorten their prefixes"
    if bucket.arns.enforces_limits:
        creating = bound_to_create(targets, overwriting(targets))
        yield from _no_room(found.policy, creating, signature_age.max_age(own), " of copies")
