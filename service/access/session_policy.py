"""Compile a caller's grants on one bucket into an IAM session policy, which AWS enforces. Pure.

A session policy only narrows the role's permissions, so it must allow all that a signed request
needs. That includes KMS, which a bucket's default encryption may use. Equal grants give equal text,
since the policy is part of the key of a session.

The actions that each operation needs: docs.aws.amazon.com/AmazonS3/latest/userguide/
using-with-s3-policy-actions.html; with KMS: …/userguide/UsingKMSEncryption.html#require-sse-kms
and …/userguide/mpuoverview.html#mpuAndPermissions.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from service.access.bucket_arns import BucketArns
from service.access.create_only import (
    UPLOADS,
    bound_to_create,
    overwriting,
    uploads_without_condition,
)
from service.access.grants import Grant, Operation
from service.access.iam_patterns import patterns_of, widest
from service.signing.sigv4 import percent_encode

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
KMS_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {
    "kms:Decrypt": frozenset({Operation.DOWNLOAD, Operation.CHECK, Operation.MULTIPART}),
    "kms:GenerateDataKey": UPLOADS,
}
LIST_ACTION: Final = "s3:ListBucket"
LIST_VERSIONS_ACTION: Final = "s3:ListBucketVersions"
# CopyObject is PutObject to IAM. presign signs copies only for grants with `sign`, but some stores
# obey an unsigned `x-amz-copy-source`: an upload URL could then read whatever its session can read.
# So the denial spares only what grants with `sign` may download. Ceph Squid takes
# `Null` as true if the key is absent, whatever its value, which alone would deny every upload. Its
# `StringNotEquals` is false for an absent key, and both must hold. MinIO accepts only a bucket and
# a key as value; these do not exist.
_COPY_SOURCE: Final = "s3:x-amz-copy-source"
_A_COPY: Final = {"Null": {_COPY_SOURCE: "false"}}
_ANY_SOURCE: Final = {"StringNotEquals": {_COPY_SOURCE: "none/none"}}
_ARN_OF_A_NAME: Final = re.compile(r"arn:[^:]+:s3:::(.+)")
# After a 403 for a key that may only be missing, a check lists it. So does a repeated completion.
_LISTS_ONE_KEY: Final = frozenset({Operation.CHECK, Operation.MULTIPART})
# An upload without If-None-Match. The second key exempts the calls of a multipart upload that
# cannot have it: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html.
# A store that lacks the second key and evaluates `Null` alone would deny every upload.
_MAY_OVERWRITE: Final[Mapping[str, Mapping[str, str]]] = {
    "Null": {"s3:if-none-match": "true"},
    "Bool": {"s3:ObjectCreationOperation": "true"},
}


Statement = dict[str, Any]
_encode = json.JSONEncoder(separators=(",", ":")).encode


def session_policy(grants: Iterable[Grant], arns: BucketArns, *, max_age: int | None = None) -> str:
    """Return the policy in ASCII that allows what `grants`, all on this bucket, allow.

    `max_age` is the age in milliseconds from which signatures are denied. At a store that enforces
    limits, the policy has them as far as there is room: STS accepts MAX_POLICY_LENGTH characters.
    """
    granted = list(grants)
    objects = [*map(_encode, _objects(granted, arns, OBJECT_ACTIONS))]
    lists = [*map(_encode, _list(granted, arns, _LISTS_ONE_KEY, with_versions=False))]
    others = [*map(_encode, _kms(granted, arns))]
    if any(not UPLOADS.isdisjoint(grant.allow) for grant in granted):
        copies = {**_A_COPY, **_forbidden_sources(granted, arns)}
        others.append(_encode(_statement("Deny", ["s3:PutObject"], [f"{arns.objects}*"], copies)))
    create_only = _create_only(granted, uploads_without_condition(granted), arns)
    for limit in map(_encode, _limits(create_only, arns, max_age)):
        if len(_document([*objects, *lists, *others, limit])) <= MAX_POLICY_LENGTH:
            others.append(limit)
    return _with_lists(objects, granted, arns, _LISTS_ONE_KEY, others)


def vended_policy(grants: Iterable[Grant], arns: BucketArns, *, max_age: int | None) -> str:
    """Return the policy of a session whose credentials a program gets, as `session_policy`.

    No signature of ours limits the program, so every limit is in it, however long it is. It has no
    action that only the service needs. Copies are allowed: they need rights to both objects.
    """
    granted = list(grants)
    objects = map(_encode, _objects(granted, arns, _VENDED_ACTIONS))
    limits = _limits(_create_only(granted, overwriting(granted), arns), arns, max_age)
    others = map(_encode, [*_kms(granted, arns), *limits])
    return _with_lists([*objects], granted, arns, frozenset(), [*others])


def deny_all(arns: BucketArns) -> str:
    """Return the policy of a session that only proves that the role can be assumed."""
    return _document([_encode(_statement("Deny", ["s3:*"], [f"{arns.objects}*"]))])


def _objects(
    grants: list[Grant], arns: BucketArns, object_actions: Mapping[str, frozenset[Operation]]
) -> list[Statement]:
    """Return one statement for each set of resources, with all actions allowed there."""
    versioned = [grant for grant in grants if Operation.VERSIONS in grant.allow]
    needed = [
        *((action, patterns_of(grants, ops)) for action, ops in object_actions.items()),
        *((action, patterns_of(versioned, ops)) for action, ops in VERSION_ACTIONS.items()),
    ]
    return [
        _statement("Allow", actions, [arns.objects + pattern for pattern in patterns])
        for patterns, actions in _by_patterns(needed).items()
    ]


def _with_lists(
    objects: list[str],
    grants: list[Grant],
    arns: BucketArns,
    lists_one_key: frozenset[Operation],
    others: list[str],
) -> str:
    """Return the policy, which lists versions only if there is room: all else matters more."""
    for with_versions in (True, False):
        lists = _list(grants, arns, lists_one_key, with_versions=with_versions)
        policy = _document([*objects, *map(_encode, lists), *others])
        if len(policy) <= MAX_POLICY_LENGTH:
            break
    return policy


def _list(
    grants: list[Grant],
    arns: BucketArns,
    lists_one_key: frozenset[Operation],
    *,
    with_versions: bool,
) -> list[Statement]:
    subtrees = [grant for grant in grants if grant.covers_subtree]
    lists = lists_one_key | {Operation.LIST}
    needed = [(LIST_ACTION, patterns_of(subtrees, lists) | patterns_of(grants, lists_one_key))]
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


def _kms(grants: list[Grant], arns: BucketArns) -> list[Statement]:
    allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
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


def _forbidden_sources(grants: list[Grant], arns: BucketArns) -> Mapping[str, Mapping[str, Any]]:
    """Return the condition that a copy's source is none that grants with `sign` may download.

    The header may begin with a slash, and is percent-encoded: …/AmazonS3/latest/API/
    API_CopyObject.html. No page says whether IAM decodes it, so at AWS, which asks for GetObject
    too, the policy has both forms. Of an access point nothing can be copied: its sources have
    another form.
    """
    signing = [grant for grant in grants if Operation.SIGN in grant.allow]
    readable = widest(patterns_of(signing, frozenset({Operation.DOWNLOAD})))
    name = _ARN_OF_A_NAME.fullmatch(arns.bucket)
    if not readable or name is None or not any(UPLOADS & each.allow for each in signing):
        return _ANY_SOURCE
    if arns.enforces_limits:
        encoded = (percent_encode(pattern, safe="/*") for pattern in readable)
        readable = tuple(dict.fromkeys([*readable, *encoded]))
    sources = [f"{slash}{name[1]}/{pattern}" for slash in ("", "/") for pattern in readable]
    return {"StringNotLike": {_COPY_SOURCE: sources}}


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
