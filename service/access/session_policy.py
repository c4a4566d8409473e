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
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from service.access.bucket_arns import BucketArns
from service.access.copy_sources import copies_denied, readable, takes_copies
from service.access.create_only import (
    UPLOADS,
    bound_to_create,
    overwriting,
    uploads_without_condition,
)
from service.access.grants import Grant, Operation
from service.access.iam_patterns import patterns_of, widest

# docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
MAX_POLICY_LENGTH: Final = 2048  # characters
OBJECT_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {
    "s3:GetObject": frozenset({Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK}),
    "s3:PutObject": UPLOADS,
    "s3:PutObjectTagging": UPLOADS,
    "s3:AbortMultipartUpload": frozenset({Operation.MULTIPART}),
    "s3:ListMultipartUploadParts": frozenset({Operation.MULTIPART}),
    "s3:DeleteObject": frozenset({Operation.DELETE}),
}
# A signed upload has the tags that were requested. IAM would also let a program tag what exists.
_VENDED_ACTIONS: Final = {
    action: ops for action, ops in OBJECT_ACTIONS.items() if action != "s3:PutObjectTagging"
}
VERSION_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {
    "s3:GetObjectVersion": frozenset({Operation.DOWNLOAD, Operation.HEAD}),
    "s3:DeleteObjectVersion": frozenset({Operation.DELETE}),
}
# …/AmazonS3/latest/API/API_CopyObject.html: a copy has the tags of its source.
_TAGS: Final = frozenset({Operation.DOWNLOAD})
COPY_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {"s3:GetObjectTagging": _TAGS}
COPY_VERSION_ACTIONS: Final = {"s3:GetObjectVersionTagging": _TAGS}
_READ_ACTIONS: Final = {"s3:GetObject": _TAGS, **COPY_ACTIONS}
_READ_VERSION_ACTIONS: Final = {"s3:GetObjectVersion": _TAGS, **COPY_VERSION_ACTIONS}
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


Statement = dict[str, Any]
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Copies(IntEnum):
    """Which copies a session may make of what its caller's grants with `download` cover."""

    NONE = 0
    WITHIN = 1  # the bucket
    BETWEEN = 2  # from the other buckets too


@dataclass(frozen=True, slots=True)
class ScopedSession:
    """The policy of a session, in ASCII, and what it leaves of copies."""

    policy: str
    copies: Copies = Copies.NONE


@dataclass(frozen=True, slots=True)
class GrantedBucket:
    """A bucket, and a caller's grants on it."""

    arns: BucketArns
    grants: tuple[Grant, ...]


def scoped_session(
    grants: Iterable[Grant],
    arns: BucketArns,
    *,
    max_age: int | None = None,
    others: Sequence[GrantedBucket] = (),
) -> ScopedSession:
    """Return the policy that allows what `grants`, all on this bucket, allow.

    `max_age` is the age in milliseconds from which signatures are denied. At a store that enforces
    limits, the policy has them as far as there is room: STS accepts MAX_POLICY_LENGTH characters.
    Copies from `others`, whose objects the same role reads, give way to all else, then copies.
    """
    granted = list(grants)
    limits = _limits_with_room(granted, arns, max_age)
    session = ScopedSession("")
    for with_versions in (True, False):
        lists = [*map(_encode, _list(granted, arns, _LISTS_ONE_KEY, with_versions=with_versions))]
        for copies, sources in _sources(granted, arns, others):
            objects, more = _of_objects(granted, arns, sources)
            session = ScopedSession(_document([*objects, *lists, *more, *limits]), copies)
            if len(session.policy) <= MAX_POLICY_LENGTH:
                return session
    return session


def session_policy(grants: Iterable[Grant], arns: BucketArns, *, max_age: int | None = None) -> str:
    """Return the policy of `scoped_session` alone."""
    return scoped_session(grants, arns, max_age=max_age).policy


def vended_policy(grants: Iterable[Grant], arns: BucketArns, *, max_age: int | None) -> str:
    """Return the policy of a session whose credentials a program gets, as `session_policy`.

    No signature of ours limits the program, so every limit is in it, however long it is. It has no
    action that only the service needs. Copies are allowed: they need rights to both objects.
    """
    granted = list(grants)
    allowed = frozenset[Operation]().union(*(grant.allow for grant in granted))
    objects = _objects(granted, arns, _VENDED_ACTIONS)
    limits = _limits(_create_only(granted, overwriting(granted), arns), arns, max_age)
    policy = ""
    for with_versions in (True, False):
        lists = _list(granted, arns, frozenset(), with_versions=with_versions)
        policy = _document(map(_encode, [*objects, *lists, *_kms(allowed, arns), *limits]))
        if len(policy) <= MAX_POLICY_LENGTH:  # lists of versions matter least
            break
    return policy


def deny_all(arns: BucketArns) -> str:
    """Return the policy of a session that only proves that the role can be assumed."""
    return _document([_encode(_statement("Deny", ["s3:*"], [f"{arns.objects}*"]))])


def _sources(
    grants: list[Grant], arns: BucketArns, others: Sequence[GrantedBucket]
) -> list[tuple[Copies, list[GrantedBucket]]]:
    """Return what the session may copy from, the most first and nothing last."""
    own = GrantedBucket(arns, tuple(grants))
    nothing: tuple[Copies, list[GrantedBucket]] = (Copies.NONE, [])
    if not any(takes_copies(grant) for grant in grants):
        return [nothing]
    wanted = [(Copies.BETWEEN, [own, *others]), (Copies.WITHIN, [own])]
    return [*(wanted if others else wanted[1:]), nothing]


def _of_objects(
    grants: list[Grant], arns: BucketArns, sources: list[GrantedBucket]
) -> tuple[list[str], list[str]]:
    """Return the statements about objects, and those about keys of KMS and about copies.

    The first source is the bucket itself.
    """
    others = sources[1:]
    copies = bool(sources)
    actions = {**OBJECT_ACTIONS, **(COPY_ACTIONS if copies else {})}
    of_versions = {**VERSION_ACTIONS, **(COPY_VERSION_ACTIONS if copies else {})}
    objects = _objects(grants, arns, actions, of_versions)
    for each in others:
        objects += _objects(each.grants, each.arns, _READ_ACTIONS, _READ_VERSION_ACTIONS)
    reading = [
        Operation.DOWNLOAD
        for each in others
        for grant in each.grants
        if Operation.DOWNLOAD in grant.allow
    ]
    more = _kms(frozenset(reading).union(*(grant.allow for grant in grants)), arns)
    if any(not UPLOADS.isdisjoint(grant.allow) for grant in grants):
        found = [readable(each.arns.bucket, each.grants) for each in sources]
        spared = [each for each in found if each is not None]
        denied = copies_denied(grants, arns.bucket, spared, encoded=arns.enforces_limits)
        more.append(_statement("Deny", ["s3:PutObject"], [f"{arns.objects}*"], denied))
    return [*map(_encode, objects)], [*map(_encode, more)]


def _limits_with_room(grants: list[Grant], arns: BucketArns, max_age: int | None) -> list[str]:
    """Return the limits that fit with all that the policy must have."""
    objects, more = _of_objects(grants, arns, [])
    lists = [*map(_encode, _list(grants, arns, _LISTS_ONE_KEY, with_versions=False))]
    limits = list[str]()
    create_only = _create_only(grants, uploads_without_condition(grants), arns)
    for limit in map(_encode, _limits(create_only, arns, max_age)):
        if len(_document([*objects, *lists, *more, *limits, limit])) <= MAX_POLICY_LENGTH:
            limits.append(limit)
    return limits


def _objects(
    grants: Sequence[Grant],
    arns: BucketArns,
    actions: Mapping[str, frozenset[Operation]],
    of_versions: Mapping[str, frozenset[Operation]] = VERSION_ACTIONS,
) -> list[Statement]:
    """Return one statement for each set of resources, with all actions allowed there."""
    versioned = [grant for grant in grants if Operation.VERSIONS in grant.allow]
    needed = [
        *((action, patterns_of(grants, ops)) for action, ops in actions.items()),
        *((action, patterns_of(versioned, ops)) for action, ops in of_versions.items()),
    ]
    return [
        _statement("Allow", allowed, [arns.objects + pattern for pattern in patterns])
        for patterns, allowed in _by_patterns(needed).items()
    ]


def _list(
    grants: list[Grant],
    arns: BucketArns,
    lists_one_key: frozenset[Operation],
    *,
    with_versions: bool,
) -> list[Statement]:
    subtrees = [grant for grant in grants if grant.covers_subtree]
    linked = [grant for grant in grants if lists_one_key and grant.allow >= LINKED_DOWNLOAD]
    one_key = patterns_of(grants, lists_one_key) | patterns_of(linked, LINKED_DOWNLOAD)
    needed = [(LIST_ACTION, patterns_of(subtrees, lists_one_key | {Operation.LIST}) | one_key)]
    if with_versions:
        versioned = [grant for grant in subtrees if Operation.VERSIONS in grant.allow]
        needed.append((LIST_VERSIONS_ACTION, patterns_of(versioned, frozenset({Operation.LIST}))))
    return [
        _statement(
            "Allow",
            actions,
            [arns.bucket],
            None if patterns == ("*",) else {"StringLike": {"s3:prefix": _compact(patterns)}},
        )
        for patterns, actions in _by_patterns(needed).items()
    ]


def _by_patterns(needed: Iterable[tuple[str, set[str]]]) -> dict[tuple[str, ...], list[str]]:
    """Return the actions of each set of patterns, without those that another one covers."""
    actions: dict[tuple[str, ...], list[str]] = {}
    for action, patterns in needed:
        if patterns:
            actions.setdefault(widest(patterns), []).append(action)
    return actions


def _kms(allowed: frozenset[Operation], arns: BucketArns) -> list[Statement]:
    actions = [action for action, ops in KMS_ACTIONS.items() if not ops.isdisjoint(allowed)]
    if not actions or not arns.kms_via:
        return []
    condition = {"StringEquals": {"kms:ViaService": _compact(arns.kms_via)}}
    return [_statement("Allow", actions, ["*"], condition)]


def _limits(create_only: list[Statement], arns: BucketArns, max_age: int | None) -> list[Statement]:
    """Return the limits that IAM can enforce."""
    if not arns.enforces_limits:
        return []
    if max_age is None:
        return create_only
    older = {"NumericGreaterThan": {"s3:signatureAge": str(max_age)}}
    return [*create_only, _statement("Deny", ["s3:*"], ["*"], older)]


def _create_only(grants: list[Grant], free: list[Grant], arns: BucketArns) -> list[Statement]:
    """Return the denial of uploads that may overwrite, except where a grant of `free` covers."""
    if not bound_to_create(grants, free):
        return []
    resources = [arns.objects + pattern for pattern in widest(patterns_of(free, UPLOADS))]
    where = {"NotResource": _compact(resources)} if resources else {"Resource": f"{arns.objects}*"}
    return [{"Effect": "Deny", "Action": "s3:PutObject", **where, "Condition": _MAY_OVERWRITE}]


def _statement(
    effect: str, actions: Sequence[str], resources: Sequence[str], condition: Any = None
) -> Statement:
    statement = {"Effect": effect, "Action": _compact(actions), "Resource": _compact(resources)}
    return statement if condition is None else {**statement, "Condition": condition}


def _compact(values: Sequence[str]) -> str | list[str]:
    """Write a list of one as its item, since STS takes only 2,048 characters."""
    return values[0] if len(values) == 1 else list(values)


def _document(encoded: Iterable[str]) -> str:
    return f'{{"Version":"2012-10-17","Statement":[{",".join(encoded)}]}}'
