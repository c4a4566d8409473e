"""Compile a caller's grants on one bucket into an IAM session policy, which AWS enforces. Pure.

A session policy only narrows the role's permissions, so it must allow all that a signed request
needs. That includes KMS, which a bucket's default encryption may use. Equal grants give equal text,
since the policy is part of the key of a session.

The actions that each operation needs: docs.aws.amazon.com/AmazonS3/latest/userguide/
using-with-s3-policy-actions.html; with KMS: …/userguide/UsingKMSEncryption.html#require-sse-kms
and …/userguide/mpuoverview.html#mpuAndPermissions.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final, NamedTuple

from service.access.bucket_arns import BucketArns
from service.access.conditions import Block, blocks, conditions_of
from service.access.create_only import (
    UPLOADS,
    bound_to_create,
    uploads_without_condition,
)
from service.access.grants import READS, Grant, Operation
from service.access.iam_patterns import compact, patterns_of, widest

# docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
MAX_POLICY_LENGTH: Final = 2048  # characters
OBJECT_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {
    "s3:GetObject": READS,
    "s3:PutObject": UPLOADS,
    "s3:PutObjectTagging": UPLOADS,
    "s3:AbortMultipartUpload": frozenset({Operation.MULTIPART}),
    "s3:ListMultipartUploadParts": frozenset({Operation.MULTIPART}),
    "s3:DeleteObject": frozenset({Operation.DELETE}),
}
VERSION_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {
    "s3:GetObjectVersion": frozenset({Operation.DOWNLOAD, Operation.HEAD}),
    "s3:DeleteObjectVersion": frozenset({Operation.DELETE}),
}
KMS_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {
    "kms:Decrypt": frozenset({Operation.DOWNLOAD, Operation.CHECK, Operation.MULTIPART}),
    "kms:GenerateDataKey": UPLOADS,
}
LIST_ACTION: Final = "s3:ListBucket"
LIST_VERSIONS_ACTION: Final = "s3:ListBucketVersions"
# After a 403 for a key that may be missing, these list it. LINKED_DOWNLOAD is what a link needs.
_LISTS_ONE_KEY: Final = frozenset({Operation.CHECK, Operation.MULTIPART})
LINKED_DOWNLOAD: Final = frozenset({Operation.LINK, Operation.DOWNLOAD})
# An upload without If-None-Match. The second key exempts the calls of a multipart upload that
# cannot have it: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html.
# A store that lacks the second key and evaluates `Null` alone would deny every upload.
_MAY_OVERWRITE: Final[Mapping[str, Mapping[str, str]]] = {
    "Null": {"s3:if-none-match": "true"},
    "Bool": {"s3:ObjectCreationOperation": "true"},
}
# Of a copy, which AWS knows by its source: CopyObject and UploadPartCopy are PutObject to IAM.
_COPY: Final[Mapping[str, Mapping[str, str]]] = {"Null": {"s3:x-amz-copy-source": "false"}}

Statement = dict[str, Any]
encode = json.JSONEncoder(separators=(",", ":")).encode


class SessionPolicies(NamedTuple):
    """The policies of the session that uploads, and of the one for all else, which may be one."""

    uploading: str
    other: str


def session_policies(
    grants: Iterable[Grant], arns: BucketArns, *, max_age: int | None = None
) -> SessionPolicies:
    """Return the policies that allow what `grants`, all on this bucket, allow, without copies.

    At AWS one session has all rights, and its policy denies copies. Other stores may not know that
    condition, and act on an unsigned `x-amz-copy-source`. There no session both reads and uploads:
    a copy needs the right to read its source.
    """
    uploads, others = _by_session(list(grants), arns)
    uploading = session_policy(uploads, arns, max_age=max_age)
    if others is uploads:
        return SessionPolicies(uploading, uploading)
    return SessionPolicies(uploading, session_policy(others, arns, max_age=max_age))


def least_policies(grants: Iterable[Grant], arns: BucketArns) -> SessionPolicies:
    """Return the parts of `session_policies` that never give way.

    A policy is too long if and only if its part is. These take a third of the time.
    """
    uploads, others = _by_session(list(grants), arns)
    return SessionPolicies(*(document(chain(*_needed(each, arns))) for each in (uploads, others)))


def _by_session(grants: list[Grant], arns: BucketArns) -> tuple[list[Grant], list[Grant]]:
    """Return the grants of the session that uploads and of the other, which may be one."""
    allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
    if arns.enforces_limits or not reads_and_uploads(allowed):
        return grants, grants
    uploads = [replace(grant, allow=grant.allow & UPLOADS) for grant in grants]
    return uploads, [replace(grant, allow=grant.allow - UPLOADS) for grant in grants]


def reads_and_uploads(allowed: frozenset[Operation]) -> bool:
    """Whether a caller with these operations needs two sessions at a store other than AWS."""
    return not (UPLOADS.isdisjoint(allowed) or READS.isdisjoint(allowed))


def session_policy(grants: Iterable[Grant], arns: BucketArns, *, max_age: int | None = None) -> str:
    """Return the policy, in ASCII, of one session with all that `grants` allow, without copies.

    `max_age` is the age in milliseconds from which signatures are denied. At a store that enforces
    limits, the policy has them as far as there is room: STS accepts MAX_POLICY_LENGTH characters.
    """
    granted = list(grants)
    objects, lists, more = _needed(granted, arns)
    with_versions = map(encode, list_statements(granted, arns, _LISTS_ONE_KEY, with_versions=True))
    create_only = create_only_statements(granted, uploads_without_condition(granted), arns)
    wanted = limit_statements(create_only, arns, max_age)
    limits = limits_with_room(wanted, [*objects, *lists, *more])
    policy = document([*objects, *with_versions, *more, *limits])
    if len(policy) <= MAX_POLICY_LENGTH:  # lists of versions matter least
        return policy
    return document([*objects, *lists, *more, *limits])


def deny_all(arns: BucketArns) -> str:
    """Return the policy of a session that only proves that the role can be assumed."""
    return document([encode(statement("Deny", ["s3:*"], [f"{arns.objects}*"]))])


def _needed(grants: list[Grant], arns: BucketArns) -> tuple[list[str], list[str], list[str]]:
    """Return what the policy must have: of objects, of lists, and of keys of KMS and copies."""
    allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
    objects = object_statements(grants, arns, OBJECT_ACTIONS, VERSION_ACTIONS)
    lists = list_statements(grants, arns, _LISTS_ONE_KEY, with_versions=False)
    denied = [*_no_copies(allowed, arns), *_no_tags(allowed, arns)]
    more = [*kms_statements(allowed, arns), *denied]
    return [*map(encode, objects)], [*map(encode, lists)], [*map(encode, more)]


def _no_copies(allowed: frozenset[Operation], arns: BucketArns) -> list[Statement]:
    uploads = not UPLOADS.isdisjoint(allowed)
    return [statement("Deny", ["s3:PutObject"], ["*"], _COPY)] * (uploads and arns.enforces_limits)


def _no_tags(allowed: frozenset[Operation], arns: BucketArns) -> list[Statement]:
    """Return the denials of uploads with a tag that some grant reads by.

    Each name has a statement, since all keys of one condition must hold.
    """
    return [
        statement(
            "Deny", ["s3:PutObject"], ["*"], {"StringLike": {f"s3:RequestObjectTag/{name}": "*"}}
        )
        for name in arns.tags_read_by
        if not UPLOADS.isdisjoint(allowed)
    ]


def limits_with_room(limits: Iterable[Statement], needed: Sequence[str]) -> list[str]:
    """Return the limits that fit into a policy with all that it must have."""
    fitting = list[str]()
    for limit in map(encode, limits):
        if len(document([*needed, *fitting, limit])) <= MAX_POLICY_LENGTH:
            fitting.append(limit)
    return fitting


def object_statements(
    grants: Sequence[Grant],
    arns: BucketArns,
    actions: Mapping[str, frozenset[Operation]],
    of_versions: Mapping[str, frozenset[Operation]],
) -> list[Statement]:
    """Return a statement for each set of resources, with all actions allowed there.

    Each set of conditions has its own, with these conditions.
    """
    made = list[Statement]()
    for conditions, own in conditions_of(grants).items():
        versioned = [grant for grant in own if Operation.VERSIONS in grant.allow]
        needed = [
            *((action, patterns_of(own, ops)) for action, ops in actions.items()),
            *((action, patterns_of(versioned, ops)) for action, ops in of_versions.items()),
        ]
        made += [
            statement("Allow", allowed, [arns.objects + each for each in patterns], block)
            for patterns, allowed in _by_patterns(needed).items()
            for block in blocks(conditions, of_objects=True)
        ]
    return made


def list_statements(
    grants: list[Grant],
    arns: BucketArns,
    lists_one_key: frozenset[Operation],
    *,
    with_versions: bool,
) -> list[Statement]:
    """As `object_statements`. A list has no tags, so none is a condition of it."""
    made = list[Statement]()
    for conditions, own in conditions_of(grants).items():
        needed = _listed(own, lists_one_key, with_versions=with_versions)
        made += [
            statement("Allow", actions, [arns.bucket], {**_below(patterns), **block})
            for patterns, actions in _by_patterns(needed).items()
            for block in blocks(conditions, of_objects=False)
        ]
    return made


def _listed(
    grants: list[Grant], lists_one_key: frozenset[Operation], *, with_versions: bool
) -> list[tuple[str, set[str]]]:
    """Return what each action may list."""
    subtrees = [grant for grant in grants if grant.covers_subtree]
    linked = [grant for grant in grants if lists_one_key and grant.allow >= LINKED_DOWNLOAD]
    one_key = patterns_of(grants, lists_one_key) | patterns_of(linked, LINKED_DOWNLOAD)
    needed = [(LIST_ACTION, patterns_of(subtrees, lists_one_key | {Operation.LIST}) | one_key)]
    if with_versions:
        versioned = [grant for grant in subtrees if Operation.VERSIONS in grant.allow]
        needed.append((LIST_VERSIONS_ACTION, patterns_of(versioned, frozenset({Operation.LIST}))))
    return needed


def _below(patterns: tuple[str, ...]) -> Block:
    return {} if patterns == ("*",) else {"StringLike": {"s3:prefix": compact(patterns)}}


def _by_patterns(needed: Iterable[tuple[str, set[str]]]) -> dict[tuple[str, ...], list[str]]:
    """Return the actions of each set of patterns, without those that another one covers."""
    actions: dict[tuple[str, ...], list[str]] = {}
    for action, patterns in needed:
        if patterns:
            actions.setdefault(widest(patterns), []).append(action)
    return actions


def kms_statements(allowed: frozenset[Operation], arns: BucketArns) -> list[Statement]:
    actions = [action for action, ops in KMS_ACTIONS.items() if not ops.isdisjoint(allowed)]
    if not actions or not arns.kms_via:
        return []
    condition = {"StringEquals": {"kms:ViaService": compact(arns.kms_via)}}
    return [statement("Allow", actions, ["*"], condition)]


def limit_statements(
    create_only: list[Statement], arns: BucketArns, max_age: int | None
) -> list[Statement]:
    """Return the limits that IAM can enforce."""
    if not arns.enforces_limits:
        return []
    if max_age is None:
        return create_only
    older = {"NumericGreaterThan": {"s3:signatureAge": str(max_age)}}
    return [*create_only, statement("Deny", ["s3:*"], ["*"], older)]


def create_only_statements(
    grants: list[Grant], free: list[Grant], arns: BucketArns
) -> list[Statement]:
    """Return the denial of uploads that may overwrite, except where a grant of `free` covers."""
    if not bound_to_create(grants, free):
        return []
    resources = [arns.objects + pattern for pattern in widest(patterns_of(free, UPLOADS))]
    where = {"NotResource": compact(resources)} if resources else {"Resource": f"{arns.objects}*"}
    return [{"Effect": "Deny", "Action": "s3:PutObject", **where, "Condition": _MAY_OVERWRITE}]


def statement(
    effect: str, actions: Sequence[str], resources: Sequence[str], condition: Any = None
) -> Statement:
    made = {"Effect": effect, "Action": compact(actions), "Resource": compact(resources)}
    return {**made, "Condition": condition} if condition else made


def document(encoded: Iterable[str]) -> str:
    return f'{{"Version":"2012-10-17","Statement":[{",".join(encoded)}]}}'
