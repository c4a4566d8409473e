"""ARNs in session policies: partitions, access points, and KMS at AWS only."""

from typing import Any

import pytest

from service.access.bucket_arns import BucketArns
from service.access.session_policy import session_policy
from service.app.builders import arns as configured_arns
from service.config.buckets import BucketSettings
from tests.access.policy_evaluator import allows
from tests.support.factories import make_grant

ROLE = "arn:aws:iam::111122223333:role/presign"
KMS_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"
VIA = "s3.eu-west-1.amazonaws.com"


def settings(**changes: Any) -> BucketSettings:
    return BucketSettings(**{"region": "eu-west-1", "role_arn": ROLE, **changes})


def arns_of(region: str = "eu-west-1", **changes: Any) -> BucketArns:
    found = configured_arns("acme", settings(region=region, **changes), region, ())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("partition", "region", "via"),
    [
        ("aws", "eu-west-1", ["s3.eu-west-1.amazonaws.com"]),
        ("aws-us-gov", "us-gov-west-1", ["s3.us-gov-west-1.amazonaws.com"]),
        ("aws-cn", "cn-north-1", ["s3.cn-north-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"]),
    ],
)
def test_arns_use_the_roles_partition(partition: str, region: str, via: list[str]) -> None:
    arns = arns_of(region, role_arn=f"arn:{partition}:iam::111122223333:role/presign")
    policy = session_policy([make_grant(prefix="a/")], arns)
    assert allows(policy, "s3:GetObject", f"arn:{partition}:s3:::acme/a/b")
    assert not allows(policy, "s3:GetObject", f"arn:{partition}:s3:::acme/b/b")
    listing = {"s3:prefix": "a/"}
    assert allows(policy, "s3:ListBucket", f"arn:{partition}:s3:::acme", listing)
    key = f"arn:{partition}:kms:{region}:111122223333:key/1"
    assert all(allows(policy, "kms:Decrypt", key, {"kms:ViaService": name}) for name in via)
    assert not allows(policy, "kms:Decrypt", key, {"kms:ViaService": "s3.amazonaws.com"})
    other = {"aws", "aws-cn", "aws-us-gov"} - {partition}
    assert not any(allows(policy, "s3:GetObject", f"arn:{each}:s3:::acme/a/b") for each in other)


def test_a_policy_names_an_access_point_by_its_arn() -> None:
    point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/reports"
    policy = session_policy([make_grant(prefix="a/")], arns_of(bucket=point))
    assert allows(policy, "s3:GetObject", f"{point}/object/a/b")
    assert not allows(policy, "s3:GetObject", f"{point}/object/b/b")
    assert not allows(policy, "s3:GetObject", f"{point}2/object/a/b")
    assert not allows(policy, "s3:GetObject", f"{point}/a/b")
    assert allows(policy, "s3:ListBucket", point, {"s3:prefix": "a/"})
    assert not allows(policy, "s3:ListBucket", point, {"s3:prefix": "b/"})
    assert allows(policy, "kms:Decrypt", KMS_KEY, {"kms:ViaService": VIA})


def test_both_spellings_of_an_access_point_give_the_same_arn() -> None:
    """The SDK accepts a colon too, IAM only the slash."""
    colon = "arn:aws:s3:eu-west-1:111122223333:accesspoint:reports"
    slash = "arn:aws:s3:eu-west-1:111122223333:accesspoint/reports"
    assert arns_of(bucket=colon) == arns_of(bucket=slash)


@pytest.mark.parametrize(
    ("endpoint", "is_aws"),
    [
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://bucket.vpce-1a2b3c-4d5e.s3.eu-west-1.vpce.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://store.internal:9000", False),
        ("http://127.0.0.1:4566", False),
        ("https://amazonaws.com.example", False),
        ("https://s3.notamazonaws.com", False),
    ],
)
def test_only_policies_for_aws_mention_kms(endpoint: str, *, is_aws: bool) -> None:
    policy = session_policy([make_grant()], arns_of(endpoint_url=endpoint))
    assert allows(policy, "s3:GetObject", "arn:aws:s3:::acme/a")
    assert allows(policy, "kms:Decrypt", KMS_KEY, {"kms:ViaService": VIA}) is is_aws
    assert ("kms" in policy) is is_aws


@pytest.mark.parametrize(
    "changes", [{"scoped_sessions": False}, {"credentials": "static", "role_arn": None}]
)
def test_buckets_without_scoped_sessions_have_no_arns(changes: dict[str, Any]) -> None:
    assert configured_arns("acme", settings(**changes), "eu-west-1", ()) is None
