"""The copies that one user may make who signs for all callers of a store other than AWS. Pure.

CopyObject is PutObject to IAM, with the source in a condition key. Some stores obey an unsigned
`x-amz-copy-source`: any upload URL could then read whatever the user can read. So its policy denies
copies, except of what every caller that uploads may read.

Ceph Squid takes `Null` as true if the key is absent, whatever its value, which alone would deny
every upload. Its `StringNotEquals` is false for an absent key, and both must hold. MinIO accepts
only a bucket and a key as value; `none/none` does not exist.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.access.create_only import UPLOADS
from service.access.grants import AccessRequest, Grant, Operation
from service.access.iam_patterns import patterns_of, widest
from service.access.limits import violated_limit

_COPY_SOURCE: Final = "s3:x-amz-copy-source"
_DOWNLOAD: Final = frozenset({Operation.DOWNLOAD})
_ARN_OF_A_NAME: Final = re.compile(r"arn:[^:]+:s3:::(.+)")
_OF_A_VERSION: Final = "?versionId=*"


@dataclass(frozen=True, slots=True)
class Readable:
    """The patterns of keys in one bucket, by its ARN, that a copy may read."""

    bucket: str
    patterns: tuple[str, ...]


def readable(bucket: str, grants: Sequence[Grant]) -> Readable | None:
    """Return what grants with `download` may copy, from the bucket with this ARN.

    None for an access point: its sources have another form.
    """
    found = widest(patterns_of(grants, _DOWNLOAD))
    if not found or _ARN_OF_A_NAME.fullmatch(bucket) is None:
        return None
    versioned = [grant for grant in grants if Operation.VERSIONS in grant.allow]
    keys = [each for each in patterns_of(versioned, _DOWNLOAD) if not each.endswith("*")]
    return Readable(bucket, widest({*found, *(f"{key}{_OF_A_VERSION}" for key in keys)}))


def takes_copies(grant: Grant) -> bool:
    """Whether an upload that the grant allows may be a copy, which declares no size and no type."""
    copy = AccessRequest(
        operation=Operation.UPLOAD, bucket=grant.bucket, key=grant.prefix, is_copy=True
    )
    return Operation.UPLOAD in grant.allow and violated_limit(grant, copy) is None


def readable_by_all(bucket: str, callers: Sequence[Sequence[Grant]]) -> Readable | None:
    """Return what every caller that uploads to a bucket may copy there, by the bucket's ARN.

    Each of `callers` has its grants on it. Where they share one session, no more may be spared, and
    nothing if a copy would pass the limits of one of them.
    """
    uploads = [[each for each in grants if Operation.UPLOAD in each.allow] for grants in callers]
    may_copy = [any(map(takes_copies, grants)) for grants in uploads if grants]
    if not may_copy or not all(may_copy):
        return None
    common: set[str] | None = None
    for grants in callers:
        if not any(UPLOADS & grant.allow for grant in grants):
            continue
        found = readable(bucket, grants)
        own = set() if found is None else {*found.patterns}
        common = own if common is None else _covered(common, own) | _covered(own, common)
    return Readable(bucket, widest(common)) if common else None


def copies_denied(source: Readable | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the condition of the denial, which spares copies of `source`."""
    if source is None:
        spared: dict[str, Any] = {"StringNotEquals": {_COPY_SOURCE: "none/none"}}
    else:
        name = source.bucket.rpartition(":::")[2]
        found = [f"{name}/{pattern}" for pattern in source.patterns]
        spared = {"StringNotLike": {_COPY_SOURCE: found if len(found) > 1 else found[0]}}
    return {"Null": {_COPY_SOURCE: "false"}, **spared}


def _covered(patterns: set[str], by: set[str]) -> set[str]:
    """Return those of `patterns` that are one of `by`, or below one."""
    subtrees = tuple(each.removesuffix("*") for each in by if each.endswith("*"))
    return {pattern for pattern in patterns if pattern in by or pattern.startswith(subtrees)}
