"""The policy of the session that signs a caller's copies into one bucket, and nothing else. Pure.

The holder of an upload URL turns it into a copy at a store that acts on an unsigned
`x-amz-copy-source`. So no session that uploads may copy, and no session that copies uploads. A copy
may read what the caller may download, and write where it may upload. Its source is signed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from service.access.bucket_arns import BucketArns
from service.access.copy_sources import takes_copies
from service.access.create_only import overwriting
from service.access.grants import Conditions, Grant, Operation
from service.access.session_policy import (
    MAX_POLICY_LENGTH,
    create_only_statements,
    document,
    encode,
    kms_statements,
    limit_statements,
    limits_with_room,
    object_statements,
    statement,
)

_DOWNLOAD: Final = frozenset({Operation.DOWNLOAD})
_UPLOAD: Final = frozenset({Operation.UPLOAD})
_SIGNED_COPIES: Final = frozenset({Operation.UPLOAD, Operation.MULTIPART})
_READING: Final = frozenset({Operation.DOWNLOAD, Operation.VERSIONS})
# …/AmazonS3/latest/API/API_CopyObject.html: a copy has the tags of its source.
COPY_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {"s3:GetObjectTagging": _DOWNLOAD}
COPY_VERSION_ACTIONS: Final = {"s3:GetObjectVersionTagging": _DOWNLOAD}
_READ_ACTIONS: Final = {"s3:GetObject": _DOWNLOAD, **COPY_ACTIONS}
_ACTIONS: Final = {**_READ_ACTIONS, "s3:PutObject": _UPLOAD, "s3:PutObjectTagging": _UPLOAD}
_VERSION_ACTIONS: Final = {"s3:GetObjectVersion": _DOWNLOAD, **COPY_VERSION_ACTIONS}
_NO_COPY: Final[Mapping[str, Mapping[str, str]]] = {"Null": {"s3:x-amz-copy-source": "true"}}


class Copies(IntEnum):
    """How much of the caller's downloads a session may copy."""

    WITHIN = 1  # the bucket
    BETWEEN = 2  # from the other buckets too


@dataclass(frozen=True, slots=True)
class CopyPolicy:
    """The policy of the session that copies, in ASCII, and what it has room for."""

    policy: str
    copies: Copies


@dataclass(frozen=True, slots=True)
class GrantedBucket:
    """A bucket, and a caller's grants on it."""

    arns: BucketArns
    grants: tuple[Grant, ...]


def copy_policy(
    grants: Iterable[Grant],
    arns: BucketArns,
    *,
    max_age: int | None = None,
    others: Sequence[GrantedBucket] = (),
) -> CopyPolicy | None:
    """Return the policy that allows the copies into this bucket, which `grants` are on.

    They may read `others` too, whose objects the same role reads. None if the grants allow no
    copies, or if STS would refuse the policy. Limits are in it as in `session_policy`, and need no
    room of copies from others.
    """
    own = [_of_copies(grant) for grant in grants]
    allowed = frozenset[Operation]().union(*(grant.allow for grant in own))
    if Operation.UPLOAD not in allowed:
        return None
    objects = object_statements(own, arns, _ACTIONS, _VERSION_ACTIONS)
    elsewhere = [
        made
        for other in others
        for made in object_statements(other.grants, other.arns, _READ_ACTIONS, _VERSION_ACTIONS)
    ]
    more = kms_statements(allowed | (_DOWNLOAD if elsewhere else frozenset()), arns)
    if arns.enforces_limits:
        more.append(statement("Deny", ["s3:PutObject"], ["*"], _NO_COPY))
    create_only = create_only_statements(own, overwriting(own), arns)
    limits = limits_with_room(
        limit_statements(create_only, arns, max_age), [*map(encode, [*objects, *more])]
    )
    within = [(Copies.WITHIN, objects)] if Operation.DOWNLOAD in allowed else []
    between = [(Copies.BETWEEN, [*objects, *elsewhere])] if elsewhere else []
    for copies, read in (*between, *within):
        policy = document([*map(encode, [*read, *more]), *limits])
        if len(policy) <= MAX_POLICY_LENGTH:
            return CopyPolicy(policy, copies)
    return None


def grants_of_copies(
    grants: Iterable[Grant], target: Conditions | None, source: Conditions | None
) -> list[Grant]:
    """Return what the session may use that copies under these two grants' conditions."""
    if target == source:
        return [grant for grant in grants if grant.conditions == target]
    kept = {target: frozenset(Operation) - _READING, source: _READING}
    return [
        replace(grant, allow=grant.allow & kept[grant.conditions])
        for grant in grants
        if grant.conditions in kept
    ]


def receives_copies(grant: Grant) -> bool:
    """Whether copies may be signed for the grant's keys: by `/v1`, or as a client built them.

    Such a client may declare a type, and copy to a part.
    """
    is_signed = Operation.SIGN in grant.allow and not _SIGNED_COPIES.isdisjoint(grant.allow)
    return takes_copies(grant) or (is_signed and grant.max_content_length is None)


def _of_copies(grant: Grant) -> Grant:
    """Return the grant with `download` of what is copied, and `upload` of where the copy is."""
    writes = _UPLOAD if receives_copies(grant) else frozenset[Operation]()
    return replace(grant, allow=(grant.allow & _READING) | writes)
