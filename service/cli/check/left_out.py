"""What `presign check` says that session policies leave out, so that IAM does not enforce it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from service.access.bucket_arns import BucketArns
from service.access.callers import CallerEntry, caller_name
from service.access.conditions import conditions_of, words
from service.access.copy_policy import (
    Copies,
    CopyPolicy,
    GrantedBucket,
    copy_policy,
    grants_of_copies,
    receives_copies,
)
from service.access.create_only import (
    bound_to_create,
    is_create_only,
    overwriting,
    uploads_without_condition,
)
from service.access.grants import Conditions, Grant, Operation, of_buckets
from service.access.session_policy import (
    LIST_VERSIONS_ACTION,
    SessionPolicies,
    session_policies,
)
from service.cli.check.callers import together
from service.cli.check.policies import shape_of, under, with_long_claims
from service.presigning.bucket import Bucket
from service.presigning.snapshot import Downloads, downloads, other_sources
from service.sessions import signature_age

_FREE: Final = (
    "does not enforce create-only for {}: forms and drop boxes there need uploads without a "
    "condition"
)


class _LeftOut(NamedTuple):
    """What the session policy for a bucket, under these conditions, leaves out.

    If it is about one of the caller's grants, `grant` is its index, and {} in `what` its prefix.
    """

    bucket: str
    conditions: Conditions | None
    what: str
    grant: int | None = None

    def text(self, prefixes: Sequence[str]) -> str:
        """Return the words. `prefixes` are those of the grants, as the file has them."""
        at = self.grant
        what = self.what if at is None else self.what.format(prefixes[at] or "everything")
        return f"the session policy for bucket {self.bucket}{under(self.conditions)} {what}"


def describe(buckets: Mapping[str, Bucket], entries: Iterable[CallerEntry]) -> Iterator[str]:
    """Yield lines about what IAM does not enforce for callers.

    It is computed once for all callers of one shape. A/B, 40,000 callers with grants on two of a
    hundred buckets: 0.4 s of CPU, and 1.9 s if only equal policies of one bucket are shared.
    """
    named = defaultdict[str, list[str]](list)
    left_out_of = cache(lambda shape: [*_left_out(buckets, shape)])
    arns = {name: bucket.arns for name, bucket in buckets.items()}
    for entry in entries:
        grants = {with_long_claims(grant): grant.prefix for grant in entry.grants}
        shape, prefixes = shape_of([*grants], arns), [*grants.values()]
        for each in left_out_of(shape):
            named[each.text(prefixes)].append(caller_name(entry))
    yield from (f"{together(names)}: {text}" for text, names in named.items())


def _left_out(buckets: Mapping[str, Bucket], grants: Sequence[Grant]) -> Iterator[_LeftOut]:
    """Yield what the session policies of a caller with these grants leave out.

    `grants` are distinct, and as long as claims make them.
    """
    for conditions, alike in conditions_of(grants).items():
        for name, own in sorted(of_buckets(alike).items()):
            if (arns := buckets[name].arns) is None:
                continue
            unconditional = uploads_without_condition(own) if arns.enforces_limits else ()
            for grant in filter(is_create_only, unconditional):
                yield _LeftOut(name, conditions, _FREE, grants.index(grant))
            limits = _unlimited(own, arns) if arns.enforces_limits else ()
            for what in (*limits, *_unlisted(own, arns)):
                yield _LeftOut(name, conditions, what)
        yield from _uncopied(buckets, grants, conditions)


@lru_cache(maxsize=4096)
def _policies_of(own: tuple[Grant, ...], arns: BucketArns) -> SessionPolicies:
    """Takes 0.2 ms or more."""
    return session_policies(own, arns, max_age=signature_age.max_age(own))


@lru_cache(maxsize=4096)
def _copies_of(
    own: tuple[Grant, ...], arns: BucketArns, others: tuple[GrantedBucket, ...]
) -> CopyPolicy | None:
    return copy_policy(own, arns, max_age=signature_age.max_age(own), others=others)


def _unlimited(grants: list[Grant], arns: BucketArns) -> Iterator[str]:
    policy = _policies_of(tuple(grants), arns).uploading
    creating = bound_to_create(grants, uploads_without_condition(grants))
    yield from _no_room(policy, creating, signature_age.max_age(grants))


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
    if wanted and LIST_VERSIONS_ACTION not in _policies_of(tuple(grants), arns).other:
        yield "has no room for lists of versions; merge or shorten its prefixes"


def _uncopied(
    buckets: Mapping[str, Bucket], grants: Sequence[Grant], target: Conditions | None
) -> Iterator[_LeftOut]:
    """Yield what is left out of copies to where grants with these conditions upload.

    Each set of conditions of a source has a session of its own. None reads by tags.
    """
    for source in conditions_of(grants):
        if source is not None and source.only_if_tagged:
            continue
        by_bucket = of_buckets(grants_of_copies(grants, target, source))
        readable = downloads(buckets, by_bucket)
        read = ", ".join(words(source)) or "without a condition"
        of = "" if source == target else f" of what is read {read}"
        for name, own in sorted(by_bucket.items()):
            for what in _no_room_for_copies(name, own, buckets, readable, of):
                yield _LeftOut(name, target, what)


def _no_room_for_copies(
    name: str, own: list[Grant], buckets: Mapping[str, Bucket], readable: Downloads, of: str
) -> Iterator[str]:
    bucket = buckets[name]
    shared = readable.get(bucket.copy_group, {})
    targets = [grant for grant in own if receives_copies(grant)]
    if bucket.arns is None or not shared or not targets:
        return
    others = other_sources(buckets, name, shared)
    found = _copies_of(tuple(own), bucket.arns, tuple(others))
    if found is None:
        yield f"has no room for copies{of}; merge or shorten its prefixes"
        return
    if found.copies is Copies.WITHIN and not shared.keys() <= {name}:
        yield f"has no room for copies from other buckets{of}; merge or shorten their prefixes"
    if bucket.arns.enforces_limits:
        creating = bound_to_create(targets, overwriting(targets))
        yield from _no_room(found.policy, creating, signature_age.max_age(own), f" of copies{of}")
