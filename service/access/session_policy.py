"""A caller's grants on one bucket as an IAM session policy: AWS itself keeps the session within them.

Pure. A session policy only narrows what the role may do, so it names all that a signed request needs:
the bucket's default encryption may want KMS, which no caller ever asks for by name. The text is the
same for the same grants, for it is part of what names a session.

The actions that each operation needs: docs.aws.amazon.com/AmazonS3/latest/userguide/
using-with-s3-policy-actions.html; with KMS: …/userguide/UsingKMSEncryption.html#require-sse-kms and
…/userguide/mpuoverview.html#mpuAndPermissions.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.access.grants import Grant, Operation

_UPLOADS: Final = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})
OBJECT_ACTIONS: Final[Mapping[str, frozenset[Operation]]] = {
    "s3:GetObject": frozenset({Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK}),
    "s3:PutObject": _UPLOADS,
    "s3:PutObjectTagging": _UPLOADS,
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
    "kms:GenerateDataKey": _UPLOADS,
}
# A check lists its one key where S3 says 403 of a key that may only be missing; so does a completion
# that may have been done before.
LIST_ACTION: Final = "s3:ListBucket"
# To copy is PutObject too. Nothing copies here, but some stores act on an `x-amz-copy-source` that is not
# signed: then an upload's URL reads what its session may read. The second condition is for Ceph Squid,
# whose `Null` looks at no value and holds where the key is absent: it would deny every upload. An absent
# key holds no `StringNotEquals` there, and the two have to hold together. MinIO takes no value but a
# bucket and a key; these name nothing.
_COPIES: Final[Mapping[str, Mapping[str, str]]] = {
    "Null": {"s3:x-amz-copy-source": "false"},
    "StringNotEquals": {"s3:x-amz-copy-source": "none/none"},
}
_LISTS_ONE_KEY: Final = frozenset({Operation.CHECK, Operation.MULTIPART})
_LISTS: Final = _LISTS_ONE_KEY | {Operation.LIST}

_ACCESS_POINT = re.compile(r"(arn:[^:]+:s3:[^:]+:[^:]+:accesspoint)[:/](.+)")

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketArns:
    """How IAM names a bucket, and a key in it: `objects` and then the key.

    `kms_via` are the services by which KMS may be called; none where the store is not AWS's.
    """

    bucket: str
    objects: str
    kms_via: tuple[str, ...] = ()


def bucket_arns(s3_bucket: str, *, partition: str, kms_via: tuple[str, ...] = ()) -> BucketArns:
    """`s3_bucket` is a bucket's name, or the ARN of an access point."""
    if (point := _ACCESS_POINT.fullmatch(s3_bucket)) is not None:
        arn = f"{point[1]}/{point[2]}"  # S3 takes a colon too, IAM does not
        return BucketArns(bucket=arn, objects=f"{arn}/object/", kms_via=kms_via)
    arn = f"arn:{partition}:s3:::{s3_bucket}"
    return BucketArns(bucket=arn, objects=f"{arn}/", kms_via=kms_via)


def session_policy(grants: Iterable[Grant], arns: BucketArns) -> str:
    """The policy that allows what `grants`, all on this bucket, allow; in ASCII, as STS wants it."""
    granted = list(grants)
    allowed = [*_objects(granted, arns), *_list(granted, arns), *_kms(granted, arns)]
    return _document([*allowed, *_no_copies(granted, arns)])


def deny_all(arns: BucketArns) -> str:
    """For a session that proves that a role can be assumed, and may do nothing."""
    return _document([{"Effect": "Deny", "Action": "s3:*", "Resource": f"{arns.objects}*"}])


def _objects(grants: list[Grant], arns: BucketArns) -> list[Statement]:
    """A statement for each set of resources, with all the actions that are allowed there."""
    actions: dict[tuple[str, ...], list[str]] = {}
    for action, patterns in _patterns_by_action(grants).items():
        if patterns:
            actions.setdefault(_widest(patterns), []).append(action)
    return [
        _allow(allowed, [arns.objects + pattern for pattern in patterns])
        for patterns, allowed in actions.items()
    ]


def _patterns_by_action(grants: list[Grant]) -> dict[str, set[str]]:
    versioned = [grant for grant in grants if Operation.VERSIONS in grant.allow]
    allowed = {action: _patterns(grants, ops) for action, ops in OBJECT_ACTIONS.items()}
    return allowed | {a: _patterns(versioned, ops) for a, ops in VERSION_ACTIONS.items()}


def _list(grants: list[Grant], arns: BucketArns) -> list[Statement]:
    subtrees = [grant for grant in grants if grant.covers_subtree]
    patterns = _widest(_patterns(subtrees, _LISTS) | _patterns(grants, _LISTS_ONE_KEY))
    if not patterns:
        return []
    statement = _allow([LIST_ACTION], [arns.bucket])
    if patterns != ("*",):
        statement["Condition"] = {"StringLike": {"s3:prefix": _one_or_all(patterns)}}
    return [statement]


def _kms(grants: list[Grant], arns: BucketArns) -> list[Statement]:
    allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
    actions = [action for action, ops in KMS_ACTIONS.items() if not ops.isdisjoint(allowed)]
    if not actions or not arns.kms_via:
        return []
    statement = _allow(actions, ["*"])
    statement["Condition"] = {"StringEquals": {"kms:ViaService": _one_or_all(arns.kms_via)}}
    return [statement]


def _no_copies(grants: list[Grant], arns: BucketArns) -> list[Statement]:
    if all(_UPLOADS.isdisjoint(grant.allow) for grant in grants):
        return []
    every_key = f"{arns.objects}*"
    return [
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": every_key, "Condition": _COPIES}
    ]


def _patterns(grants: Iterable[Grant], operations: frozenset[Operation]) -> set[str]:
    """The keys that grants of any of these operations cover, as IAM patterns."""
    return {
        f"{grant.prefix}*" if grant.covers_subtree else grant.prefix
        for grant in grants
        if not operations.isdisjoint(grant.allow)
    }


def _widest(patterns: set[str]) -> tuple[str, ...]:
    """Without those that another covers."""
    subtrees = [pattern[:-1] for pattern in patterns if pattern.endswith("*")]
    return tuple(
        sorted(
            pattern
            for pattern in patterns
            if not any(
                pattern.startswith(subtree) and pattern != f"{subtree}*" for subtree in subtrees
            )
        )
    )


def _allow(actions: Iterable[str], resources: Iterable[str]) -> Statement:
    return {"Effect": "Allow", "Action": _one_or_all(actions), "Resource": _one_or_all(resources)}


def _one_or_all(values: Iterable[str]) -> str | list[str]:
    """A list of one is written as the one: 2,048 characters are few."""
    several = list(values)
    return several[0] if len(several) == 1 else several


def _document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
