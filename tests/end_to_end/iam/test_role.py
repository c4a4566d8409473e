"""The policies allow every operation of the service, and the signing role nothing else."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from tests.end_to_end.iam.deployed import (
    ACCOUNT,
    BUCKET,
    CORS,
    DENIED,
    ROLE_POLICY,
    Deployment,
    only,
    refusal,
    without,
)
from tests.end_to_end.iam.every_operation import OPERATIONS, refused_operations
from tests.end_to_end.operators import actions_of
from tests.support.service import RunningService
from tests.support.stores import Store


def test_with_these_policies_every_operation_works(
    service: RunningService, deployed: Deployment
) -> None:
    assert refused_operations(service, deployed.store) == set()


COPIES: Final = {"copy", "copy of a version"}
UPLOADS: Final = {"upload", "upload with tags", "form", "multipart", "abort", *COPIES}
NEEDED_FOR: Final[Mapping[str, set[str]]] = {
    "s3:GetObject": {"download", "head", "check", "copy"},
    "s3:GetObjectVersion": {"download of a version", "copy of a version"},
    "s3:PutObject": UPLOADS,
    "s3:AbortMultipartUpload": {"abort"},
    "s3:ListMultipartUploadParts": {"multipart"},
    "s3:DeleteObject": {"delete"},
    "s3:DeleteObjectVersion": {"delete of a version"},
    "s3:ListBucket": {"list", "check of nothing", "multipart"},
    "s3:ListBucketVersions": {"list of versions"},
}
NOT_ASKED_OF_THE_ROLE: Final = {
    "s3:PutObjectTagging": "MiniStack asks it of who tags an object, not of an upload with tags",
    "s3:GetObjectTagging": "MiniStack copies tags without it",
    "s3:GetObjectVersionTagging": "MiniStack copies tags without it",
    "kms:Decrypt": "MiniStack's S3 asks no KMS",
    "kms:GenerateDataKey": "MiniStack's S3 asks no KMS",
}
ALLOWED: Final = sorted(
    action
    for statement in ROLE_POLICY["Statement"]
    for action in actions_of(statement)
    if statement["Effect"] == "Allow"
)


def test_each_action_of_the_role_is_listed() -> None:
    assert sorted([*NEEDED_FOR, *NOT_ASKED_OF_THE_ROLE]) == ALLOWED


@pytest.mark.parametrize("action", ALLOWED)
def test_each_missing_action_breaks_exactly_its_operations(
    service: RunningService, deployed: Deployment, action: str
) -> None:
    deployed.put_role(without(ROLE_POLICY, action))
    assert refused_operations(service, deployed.store) == NEEDED_FOR.get(action, set())


Attempt = Callable[[Any, str], object]
BEYOND: Final[Mapping[str, Attempt]] = {
    "s3:DeleteBucket": lambda s3, b: s3.delete_bucket(Bucket=b),
    "s3:PutBucketPolicy": lambda s3, b: s3.put_bucket_policy(Bucket=b, Policy="{}"),
    "s3:DeleteBucketPolicy": lambda s3, b: s3.delete_bucket_policy(Bucket=b),
    "s3:GetBucketPolicy": lambda s3, b: s3.get_bucket_policy(Bucket=b),
    "s3:PutBucketCORS": lambda s3, b: s3.put_bucket_cors(Bucket=b, CORSConfiguration=CORS),
    "s3:PutBucketVersioning": lambda s3, b: s3.put_bucket_versioning(
        Bucket=b, VersioningConfiguration={"Status": "Suspended"}
    ),
    "s3:PutLifecycleConfiguration": lambda s3, b: s3.delete_bucket_lifecycle(Bucket=b),
    "s3:PutEncryptionConfiguration": lambda s3, b: s3.delete_bucket_encryption(Bucket=b),
    "s3:PutBucketPublicAccessBlock": lambda s3, b: s3.delete_public_access_block(Bucket=b),
    "s3:ListBucketMultipartUploads": lambda s3, b: s3.list_multipart_uploads(Bucket=b),
    "s3:GetBucketLocation": lambda s3, b: s3.get_bucket_location(Bucket=b),
    "s3:ListAllMyBuckets": lambda s3, _: s3.list_buckets(),
    "s3:CreateBucket": lambda s3, b: s3.create_bucket(
        Bucket=f"{b}-2", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    ),
    "s3:GetObjectAcl": lambda s3, b: s3.get_object_acl(Bucket=b, Key="x"),
    "s3:PutObjectAcl": lambda s3, b: s3.put_object_acl(Bucket=b, Key="x", ACL="public-read"),
    "s3:DeleteObjectTagging": lambda s3, b: s3.delete_object_tagging(Bucket=b, Key="x"),
    "s3:GetObjectAttributes": lambda s3, b: s3.get_object_attributes(
        Bucket=b, Key="x", ObjectAttributes=["ETag"]
    ),
    "s3:PutObjectRetention": lambda s3, b: s3.put_object_retention(
        Bucket=b, Key="x", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": "2030-01-01"}
    ),
    "s3:RestoreObject": lambda s3, b: s3.restore_object(
        Bucket=b, Key="x", RestoreRequest={"Days": 1}
    ),
}
IN_ANOTHER_BUCKET: Final[Mapping[str, Attempt]] = {
    "s3:GetObject": lambda s3, b: s3.get_object(Bucket=b, Key="x"),
    "s3:HeadObject": lambda s3, b: s3.head_object(Bucket=b, Key="x"),
    "s3:PutObject": lambda s3, b: s3.put_object(Bucket=b, Key="x", Body=b"mine"),
    "s3:DeleteObject": lambda s3, b: s3.delete_object(Bucket=b, Key="x"),
    "s3:ListBucket": lambda s3, b: s3.list_objects_v2(Bucket=b),
    "multipart": lambda s3, b: s3.create_multipart_upload(Bucket=b, Key="x"),
}


def make_session(deployed: Deployment) -> Any:
    """An S3 client with all permissions of the role, without a session policy."""
    return deployed.client("s3", deployed.session)


@pytest.mark.parametrize("action", BEYOND)
def test_the_role_may_do_nothing_else(deployed: Deployment, action: str) -> None:
    assert action not in ALLOWED
    deployed.store.put("x")
    s3 = make_session(deployed)
    assert refusal(lambda: BEYOND[action](s3, deployed.store.bucket)) in DENIED


@pytest.mark.parametrize("act", IN_ANOTHER_BUCKET)
def test_the_role_may_do_nothing_in_another_bucket(
    deployed: Deployment, ministack: Store, act: str
) -> None:
    ministack.put("x")
    s3 = make_session(deployed)
    assert refusal(lambda: IN_ANOTHER_BUCKET[act](s3, ministack.bucket)) in DENIED
    assert refusal(lambda: IN_ANOTHER_BUCKET[act](s3, deployed.store.bucket)) not in DENIED


def test_the_role_may_do_nothing_at_iam_sts_and_kms(deployed: Deployment, ministack: Store) -> None:
    iam, sts, kms = (deployed.client(each, deployed.session) for each in ("iam", "sts", "kms"))
    for act in (
        lambda: iam.get_role(RoleName=deployed.name),
        lambda: iam.delete_role_policy(RoleName=deployed.name, PolicyName="sign"),
        lambda: sts.assume_role(RoleArn=ministack.role_arn, RoleSessionName="presign"),
        # A key is used only through S3: kms:ViaService
        lambda: kms.generate_data_key(KeyId=deployed.kms_key, KeySpec="AES_256"),
    ):
        assert refusal(act) in DENIED


def test_the_role_may_do_nothing_in_another_accounts_bucket(
    service: RunningService, deployed: Deployment
) -> None:
    """MiniStack treats each bucket as the caller's own, so this policy names another owner."""
    text = json.dumps(only(ROLE_POLICY, "NoForeignBuckets")).replace(ACCOUNT, "999999999999")
    allowing = [each for each in ROLE_POLICY["Statement"] if each["Effect"] == "Allow"]
    deployed.put_role({**ROLE_POLICY, "Statement": [*allowing, *json.loads(text)["Statement"]]})
    assert refused_operations(service, deployed.store) == set(OPERATIONS)


def test_ministack_ignores_the_owner_of_a_bucket(deployed: Deployment) -> None:
    """A stranger's public bucket with the configured name: AWS denies access to it."""
    name, stranger = "presign-of-a-stranger", "222222222222"  # MiniStack: root of that account
    theirs = {"aws_access_key_id": stranger, "aws_secret_access_key": stranger}
    s3 = deployed.client("s3", theirs)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="x")
    arns = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    to_all = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": arns}
    text = json.dumps({"Version": "2012-10-17", "Statement": [to_all]})
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=text)
    assert refusal(lambda: make_session(deployed).get_object(Bucket=name, Key="x")) in DENIED
    deployed.put_role(json.loads(json.dumps(ROLE_POLICY).replace(BUCKET, name)))
    assert refusal(lambda: make_session(deployed).get_object(Bucket=name, Key="x")) is None
