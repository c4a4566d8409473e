"""What `presign check` says about what a session policy leaves out: limits, lists of versions."""

from collections.abc import Iterator, Mapping
from functools import cache

from service.access.create_only import (
    bound_to_create,
    creates_only,
    uploads_without_condition,
)
from service.access.grants import Grant, Operation
from service.access.session_policy import LIST_VERSIONS_ACTION, BucketArns, session_policy
from service.sessions import signature_age

# By bucket; None if its sessions are not scoped
Arns = Mapping[str, BucketArns | None]


def describe(arns: Arns) -> Iterator[str]:
    """Yield a line about each store that supports no limits."""
    for name, each in arns.items():
        if each is not None and not each.enforces_limits:
            yield (
                f"bucket {name}: signatures enforce create-only and lifetimes; the session policy "
                "does not, since only AWS is sure to support its conditions"
            )


def left_out(arns: Arns, grants: Mapping[Grant, str]) -> Iterator[str]:
    """Yield what the session policies of a caller with these grants leave out.

    `grants` are as long as claims make them, each with its prefix as it is written.
    """
    for name in sorted({grant.bucket for grant in grants}):
        if (bucket := arns[name]) is not None:
            own = [grant for grant in grants if grant.bucket == name]
            limits = _left_out(own, bucket, grants) if bucket.enforces_limits else ()
            for text in (*limits, *_unlisted(own, bucket)):
                yield f"the session policy for bucket {name} {text}"


@cache
def policy_of(grants: tuple[Grant, ...], arns: BucketArns) -> str:
    """Return the session policy of these grants, computed once: it takes 0.1 ms."""
    return session_policy(grants, arns, max_age=signature_age.max_age(grants))


def _left_out(
    grants: list[Grant], arns: BucketArns, prefixes: Mapping[Grant, str]
) -> Iterator[str]:
    max_age = signature_age.max_age(grants)
    policy = policy_of(tuple(grants), arns)
    unconditional = uploads_without_condition(grants)
    for grant in filter(creates_only, unconditional):
        yield (
            f"does not enforce create-only for {prefixes[grant] or 'everything'}: forms and drop "
            "boxes there need uploads without a condition"
        )
    if "s3:if-none-match" not in policy and bound_to_create(grants, unconditional):
        yield "has no room for create-only; merge or shorten its prefixes"
    if max_age is not None and "s3:signatureAge" not in policy:
        yield "has no room for the age of signatures; merge or shorten its prefixes"


def _unlisted(grants: list[Grant], arns: BucketArns) -> Iterator[str]:
    needed = {Operation.LIST, Operation.VERSIONS}
    wanted = any(grant.covers_subtree and needed <= grant.allow for grant in grants)
    if wanted and LIST_VERSIONS_ACTION not in policy_of(tuple(grants), arns):
        yield "has no room for lists of versions; merge or shorten its prefixes"
