"""What `presign check` says that session policies leave out, so that IAM does not enforce it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from service.access.bucket_arns import BucketArns
from service.access.callers import CallerEntry, caller_name
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
from service.access.grants import Grant, Operation
from service.access.session_policy import (
    LIST_VERSIONS_ACTION,
    SessionPolicies,
    session_policies,
)
from service.cli.check.callers import together
from service.cli.check.policies import of_shape, with_long_claims
from service.presigning.snapshot import Bucket, Downloads, downloads, other_sources
from service.sessions import signature_age


def describe(buckets: Mapping[str, Bucket], entries: Iterable[CallerEntry]) -> Iterator[str]:
    """Yield lines about what IAM does not enforce for callers."""
    named = defaultdict[str, list[str]](list)
    for entry in entries:
        grants = {with_long_claims(grant): grant.prefix for grant in entry.grants}
        for text in left_out(buckets, grants):
            named[text].append(caller_name(entry))
    yield from (f"{together(names)}: {text}" for text, names in named.items())


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
    return _policies_of(of_shape(own) if len(own) == 1 else own, arns)


def copies_of(
    own: tuple[Grant, ...], arns: BucketArns, others: tuple[GrantedBucket, ...] = ()
) -> CopyPolicy | None:
    """Return the policy of the session that copies, as `policies_of`."""
    buckets = (GrantedBucket(arns, own), *others)
    alone = all(len(bucket.grants) == 1 for bucket in buckets)
    if alone and len({each.arns.bucket for each in buckets}) == len(buckets):
        own = of_shape(own)
        others = tuple(GrantedBucket(other.arns, of_shape(other.grants)) for other in others)
    return _copies_of(own, arns, others)


@lru_cache(maxsize=4096)
def _policies_of(own: tuple[Grant, ...], arns: BucketArns) -> SessionPolicies:
    """Takes 0.2 ms or more."""
    return session_policies(own, arns, max_age=signature_age.max_age(own))


@lru_cache(maxsize=4096)
def _copies_of(
    own: tuple[Grant, ...], arns: BucketArns, others: tuple[GrantedBucket, ...]
) -> CopyPolicy | None:
    return copy_policy(own, arns, max_age=signature_age.max_age(own), others=others)


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
