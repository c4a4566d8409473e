"""IAM policies of the roles and users that sign. Pure.

deploy/iam/README.md explains each statement. A configuration with all features gives the files of
deploy/iam.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from service.access.copy_policy import COPY_ACTIONS, COPY_VERSION_ACTIONS
from service.access.copy_sources import copies_denied
from service.access.grants import Operation
from service.access.iam_patterns import compact
from service.access.session_policy import (
    KMS_ACTIONS,
    LINKED_DOWNLOAD,
    LIST_ACTION,
    LIST_VERSIONS_ACTION,
    OBJECT_ACTIONS,
    VERSION_ACTIONS,
)
from service.operations.setup.signing import SignedBucket
from service.sessions.signature_age import longest_life, oldest
from service.sessions.source import ANY_CALLERS_SESSION, session_name, vended_name

Policy = dict[str, Any]
Statement = dict[str, Any]

# A missing key is a 404 only to those who may list: `check`, a repeated completion and share links
# need that.
_LISTING_VERSIONS: Final = frozenset({Operation.LIST, Operation.VERSIONS})
_LISTING: Final = frozenset({Operation.LIST, Operation.CHECK, Operation.MULTIPART})
_PARTITION: Final = re.compile(r"arn:([^:]+):.*")


def permissions(buckets: Sequence[SignedBucket]) -> Policy:
    """Return the permissions of the role or user that signs for these buckets."""
    return _policy(
        [
            *_objects(buckets, copies=any(Operation.UPLOAD in each.allowed for each in buckets)),
            *_keys(buckets),
            *_encryption([bucket for bucket in buckets if bucket.is_at_aws]),
            *_no_foreign_buckets([each for each in buckets if each.is_at_aws]),
            *_no_copies([each for each in buckets if not each.is_at_aws and not each.is_scoped]),
        ]
    )


def trust_of_service(principal: str, buckets: Sequence[SignedBucket]) -> list[Statement]:
    """Return what the role that signs for these buckets trusts the service's identity to do.

    All of them have an ExternalId, or none.
    """
    ids = sorted({bucket.external_id for bucket in buckets if bucket.external_id is not None})
    condition = {"StringEquals": {"sts:ExternalId": compact(ids)}} if ids else None
    trusted: list[tuple[str, str, Any]] = [("AssumedByTheService", "sts:AssumeRole", condition)]
    if tags := tag_names(buckets):
        only = {"ForAllValues:StringEquals": {"aws:TagKeys": tags}}
        trusted.append(("TaggedByTheService", "sts:TagSession", only))
    if any(each.source_identity for each in buckets):
        names = {"StringLike": {"sts:SourceIdentity": _session_names(buckets)}}
        trusted.append(("NamedByTheService", "sts:SetSourceIdentity", names))
    return [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": action,
            **({} if limit is None else {"Condition": limit}),
        }
        for sid, action, limit in trusted
    ]


def trust_of_pods(provider: str, subject: str, role_arn: str) -> Statement:
    """Return what the role trusts the Pods of a service account to do, on EKS.

    `provider` is the cluster's OIDC issuer without `https://`; `subject` the `sub` of its tokens.
    """
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    return {
        "Sid": "AssumedByThePods",
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{partition}:iam::{account}:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{provider}:aud": "sts.amazonaws.com", f"{provider}:sub": subject}
        },
    }


def identity(roles: Mapping[str, Sequence[SignedBucket]]) -> Policy:
    """Return the permissions of the service's own identity: to assume these roles, by ARN."""
    tagged = [arn for arn, buckets in roles.items() if tag_names(buckets)]
    named = [arn for arn, buckets in roles.items() if any(b.source_identity for b in buckets)]
    rows = [
        ("AssumeTheSigningRole", "sts:AssumeRole", list(roles)),
        ("TagItsSessions", "sts:TagSession", tagged),
        ("NameItsSessions", "sts:SetSourceIdentity", named),
    ]
    return _policy([_allow(sid, [action], arns) for sid, action, arns in rows if arns])


def guard_rails(
    buckets: Sequence[SignedBucket],
    principals: Sequence[str],
    networks: Sequence[str],
    vpcs: Sequence[str],
) -> Policy:
    """Return the policy of one bucket, which only denies.

    `buckets` are its names in the configuration, `principals` the ARNs that sign for it. Without
    any, only TLS is demanded. URLs work from `networks` and `vpcs`; without both from anywhere.
    """
    arns = buckets[0].arns
    signed: dict[str, Any] = {"ArnLike": {"aws:PrincipalArn": compact(principals)}}
    ages = [longest_life(bucket.grants, bucket.session_seconds) for bucket in buckets]
    life = max((age for age in ages if age is not None), default=None)
    other_version = {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}
    rails: list[tuple[str, Any]] = []
    if principals:
        rails.append(("OnlySignatureVersion4", signed | other_version))
    if principals and life is not None:
        too_old = {"NumericGreaterThan": {"s3:signatureAge": str(oldest(life))}}
        rails.append(("NoOlderSignatures", signed | too_old))
    if principals and (networks or vpcs):
        rails.append(("OnlyFromOurNetworks", signed | _elsewhere(networks, vpcs)))
    tls = ("OnlyOverTls", {"Bool": {"aws:SecureTransport": "false"}})
    return _policy(
        [
            {
                "Sid": sid,
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arns.bucket, f"{arns.objects}*"],
                "Condition": condition,
            }
            for sid, condition in [tls, *rails]
        ]
    )


def delivered(bucket: SignedBucket, distributions: Sequence[str]) -> Statement:
    """Return what the bucket's policy allows its distributions, by an origin access control.

    …/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
    """
    return {
        **_allow("DeliveredByCloudFront", ["s3:GetObject"], [f"{bucket.arns.objects}*"]),
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceArn": compact(distributions)}},
    }


def tag_names(buckets: Iterable[SignedBucket]) -> list[str]:
    return list(dict.fromkeys(tag for bucket in buckets for tag in bucket.session_tags))


def _session_names(buckets: Sequence[SignedBucket]) -> list[str]:
    """Return patterns of the names of all sessions of a role."""
    vended = any(Operation.CREDENTIALS in bucket.allowed for bucket in buckets)
    of_programs = [vended_name(ANY_CALLERS_SESSION)] if vended else []
    return [session_name(None), ANY_CALLERS_SESSION, *of_programs]


def _objects(buckets: Sequence[SignedBucket], *, copies: bool) -> list[Statement]:
    """Return a statement for each set of actions, with all the buckets that need just these.

    With `copies` what is downloaded may be copied too.
    """
    actions = {**OBJECT_ACTIONS, **(COPY_ACTIONS if copies else {})}
    of_versions = {**VERSION_ACTIONS, **(COPY_VERSION_ACTIONS if copies else {})}
    objects = dict[tuple[str, ...], list[str]]()
    versions = dict[tuple[str, ...], list[str]]()
    for bucket in buckets:
        allowed = bucket.allowed
        resource = f"{bucket.arns.objects}*"
        objects.setdefault(_needed(actions, allowed), []).append(resource)
        if Operation.VERSIONS in allowed:
            versions.setdefault(_needed(of_versions, allowed), []).append(resource)
    return [*_numbered("Objects", objects), *_numbered("Versions", versions)]


def _needed(actions: Mapping[str, frozenset[Operation]], allowed: frozenset[Operation]) -> Any:
    return tuple(action for action, ops in actions.items() if not ops.isdisjoint(allowed))


def _numbered(sid: str, resources: Mapping[tuple[str, ...], Sequence[str]]) -> list[Statement]:
    """Statements of one kind. The ids of a policy must differ."""
    wanted = [(actions, arns) for actions, arns in resources.items() if actions]
    return [
        _allow(f"{sid}{'' if i == 1 else i}", actions, list(dict.fromkeys(arns)))
        for i, (actions, arns) in enumerate(wanted, 1)
    ]


def _keys(buckets: Sequence[SignedBucket]) -> list[Statement]:
    actions = dict[tuple[str, ...], list[str]]()
    for bucket in buckets:
        lists_versions = bucket.allowed >= _LISTING_VERSIONS
        needed = (LIST_ACTION, *([LIST_VERSIONS_ACTION] if lists_versions else []))
        if not _LISTING.isdisjoint(bucket.allowed) or bucket.allowed >= LINKED_DOWNLOAD:
            actions.setdefault(needed, []).append(bucket.arns.bucket)
    return _numbered("Keys", actions)


def _encryption(buckets: Sequence[SignedBucket]) -> list[Statement]:
    """Return a statement for each KMS key of the configuration.

    AWS's own key for S3 needs none: its policy allows it to all that may use the bucket. An alias
    names no key in a resource: docs.aws.amazon.com/kms/latest/developerguide/
    alias-authorization.html.
    """
    statements = dict[str, Statement]()
    for bucket in buckets:
        actions = _needed(KMS_ACTIONS, bucket.allowed)
        key_id = None if bucket.encryption is None else bucket.encryption.kms_key_id
        if key_id is None or not actions:
            continue
        key, _, alias = key_id.partition("alias/")
        if not key.startswith("arn:"):
            partition, account = _partition(bucket), bucket.account or "*"
            key = f"arn:{partition}:kms:{bucket.region}:{account}:{f'key/{key}' if key else ''}"
        resource = f"{key}key/*" if alias else key
        condition: dict[str, Any] = {
            "StringEquals": {"kms:ViaService": compact(bucket.arns.kms_via)}
        }
        if alias:
            condition["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": f"alias/{alias}"}
        sid = "Encryption" if not statements else f"Encryption{len(statements) + 1}"
        made = {**_allow(sid, actions, [resource]), "Condition": condition}
        statements.setdefault(key_id, made)
    return list(statements.values())


def _partition(bucket: SignedBucket) -> str:
    found = _PARTITION.fullmatch(bucket.arns.bucket)
    return found[1] if found else "aws"


def _no_foreign_buckets(buckets: Sequence[SignedBucket]) -> list[Statement]:
    accounts = list(dict.fromkeys(bucket.account for bucket in buckets))
    if not accounts or None in accounts:
        return []  # static keys do not say which account they belong to
    condition = {"StringNotEquals": {"aws:ResourceAccount": compact([*filter(None, accounts)])}}
    return [_deny("NoForeignBuckets", "s3:*", ["*"], condition)]


def _no_copies(buckets: Sequence[SignedBucket]) -> list[Statement]:
    """Return the denials of copies, except of what all who upload to the bucket may read.

    All callers share one session here, so a copy could read for one what only another may read.
    """
    denials = dict[str, tuple[Any, list[str]]]()
    for bucket in buckets:
        condition = copies_denied(bucket.readable)
        denials.setdefault(str(condition), (condition, []))[1].append(f"{bucket.arns.objects}*")
    return [
        _deny(f"NoCopies{'' if i == 1 else i}", "s3:PutObject", resources, condition)
        for i, (condition, resources) in enumerate(denials.values(), 1)
    ]


def _elsewhere(networks: Sequence[str], vpcs: Sequence[str]) -> dict[str, Any]:
    """A request comes either from an address or through a VPC endpoint: each key may be absent."""
    ranges = {"NotIpAddressIfExists": {"aws:SourceIp": compact(networks)}} if networks else {}
    ours = {"StringNotEqualsIfExists": {"aws:SourceVpc": compact(vpcs)}} if vpcs else {}
    return {**ranges, **ours}


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    what = {"Action": compact(actions), "Resource": compact(resources)}
    return {"Sid": sid, "Effect": "Allow", **what}


def _deny(sid: str, action: str, resources: Sequence[str], condition: Any) -> Statement:
    resource = compact(resources)
    return {
        "Sid": sid, "Effect": "Deny", "Action": action, "Resource": resource, "Condition": condition
    }  # fmt: skip


def _policy(statements: Sequence[Statement]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}
