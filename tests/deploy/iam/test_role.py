"""The signing role has exactly the permissions that the service needs."""

import re
from typing import Any, Final, get_args

import pytest

from service.access.bucket_arns import bucket_arns
from service.access.copy_policy import copy_policy
from service.access.grants import Grant, Operation
from service.access.session_policy import session_policy
from service.signing.actions import Action, ListObjectVersions
from service.signing.copy_object import CopyObject
from service.signing.multipart_actions import MultipartAction
from service.signing.post_policy import PostObject
from tests.access import policy_evaluator
from tests.access.policy_meaning import BUCKET_ACTIONS, KMS_ACTIONS, LISTINGS, OBJECT_ACTIONS
from tests.deploy.iam.files import ACCOUNT, BUCKET, ROOT, Request, allows, decision, read, several

ROLE_POLICY: Final = read("role.json")
VIA: Final = "s3.eu-west-1.amazonaws.com"
ARNS: Final = bucket_arns("acme-reports-prod", partition="aws", kms_via=(VIA,))
EVERYTHING: Final = Grant(bucket="reports", prefix="", allow=frozenset(Operation))
COPIES: Final = copy_policy([EVERYTHING], ARNS)
assert COPIES is not None
SESSION_POLICIES: Final = (session_policy([EVERYTHING], ARNS), COPIES.policy)
ALLOWING: Final = [each for each in ROLE_POLICY["Statement"] if each["Effect"] == "Allow"]
[KEY] = [each["Resource"] for each in ALLOWING if each["Resource"].startswith("arn:aws:kms:")]
ALLOWED: Final = [action for each in ALLOWING for action in several(each["Action"])]
RESOURCES: Final = [
    BUCKET,
    f"{BUCKET}/a/b.pdf",
    f"{BUCKET}-2",
    f"{BUCKET}-2/a/b.pdf",
    "arn:aws:s3:::other/a",
    KEY,
]
CONTEXTS: Final[list[dict[str, str]]] = [{}, {"s3:prefix": "a/"}, {"kms:ViaService": VIA}]


def selectors(action: str, resource: str, **keys: str) -> Request:
    return Request(action=action, resource=resource, keys={"aws:ResourceAccount": ACCOUNT, **keys})


@pytest.mark.parametrize("action", [*OBJECT_ACTIONS, *LISTINGS, *BUCKET_ACTIONS, *KMS_ACTIONS])
def test_the_role_allows_exactly_what_all_grants_allow(action: str) -> None:
    for resource in RESOURCES:
        for keys in CONTEXTS:
            if action.startswith("kms:") is not (resource == KEY):
                continue  # the session policy names no key, since only S3 knows it
            by_sessions = [
                policy_evaluator.allows(each, action, resource, keys) for each in SESSION_POLICIES
            ]
            assert allows(ROLE_POLICY, selectors(action, resource, **keys)) is any(by_sessions)


def test_the_role_lists_each_action_once_without_wildcards() -> None:
    statements = [each for p in SESSION_POLICIES for each in policy_evaluator.statements(p)]
    of_sessions = {action for each in statements for action in several(each["Action"])}
    assert sorted(ALLOWED) == sorted(of_sessions)
    assert not re.search("[*?]", "".join(ALLOWED))


# docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
NEEDED: Final[dict[str, list[str]]] = {
    "GetObject": ["s3:GetObject", "s3:GetObjectVersion"],
    "HeadObject": ["s3:GetObject", "s3:GetObjectVersion"],
    "PutObject": ["s3:PutObject", "s3:PutObjectTagging"],
    "CopyObject": [
        *("s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"),
        *("s3:GetObjectVersionTagging", "s3:PutObject", "s3:PutObjectTagging"),
    ],
    "PostObject": ["s3:PutObject", "s3:PutObjectTagging"],
    "DeleteObject": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
    "ListObjects": ["s3:ListBucket"],
    "ListObjectVersions": ["s3:ListBucketVersions"],
    "CreateMultipartUpload": ["s3:PutObject", "s3:PutObjectTagging"],
    "UploadPart": ["s3:PutObject"],
    "UploadPartOfUnknownLength": ["s3:PutObject"],
    "CompleteMultipartUpload": ["s3:PutObject"],
    "AbortMultipartUpload": ["s3:AbortMultipartUpload"],
    "ListParts": ["s3:ListMultipartUploadParts"],
}
SIGNED: Final = {
    each.__name__
    for each in (*get_args(Action), CopyObject, ListObjectVersions, *get_args(MultipartAction))
}


def test_the_role_allows_exactly_what_can_be_signed() -> None:
    assert set(NEEDED) == SIGNED | {PostObject.__name__}
    needed = {action for each in NEEDED.values() for action in each}
    assert needed == {action for action in ALLOWED if action.startswith("s3:")}


def test_only_operators_may_list_all_uploads() -> None:
    request = selectors("s3:ListBucketMultipartUploads", BUCKET)
    assert allows(read("abandoned-uploads.json"), request)
    assert decision(ROLE_POLICY, request) is None


def test_the_documented_actions_are_the_roles() -> None:
    text = (ROOT / "docs" / "callers.md").read_text(encoding="utf-8")
    table = text.partition("| operation | actions |")[2].partition("\n\n")[0]
    documented = set(re.findall(r"`((?:s3|kms):[A-Z]\w+)`", table))
    assert documented == set(ALLOWED)


@pytest.mark.parametrize("action", [each for each in ALLOWED if each.startswith("s3:")])
def test_another_accounts_bucket_is_denied(action: str) -> None:
    for resource in (BUCKET, f"{BUCKET}/a"):
        request = selectors(action, resource)
        assert decision(ROLE_POLICY, request.having(aws_ResourceAccount="444455556666")) == "Deny"
        assert decision(ROLE_POLICY, request.having(aws_ResourceAccount=None)) == "Deny"


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:GenerateDataKey"])
def test_a_kms_key_is_usable_only_through_s3(action: str) -> None:
    elsewhere = selectors(
        action, KEY, **{"kms:ViaService": VIA, "aws:ResourceAccount": "444455556666"}
    )
    assert allows(ROLE_POLICY, elsewhere)
    assert not allows(ROLE_POLICY, elsewhere.having(kms_ViaService=None))
    assert not allows(ROLE_POLICY, elsewhere.having(kms_ViaService="sqs.eu-west-1.amazonaws.com"))
    other: Any = selectors(action, f"{KEY[:-1]}1", **{"kms:ViaService": VIA})
    assert not allows(ROLE_POLICY, other)
