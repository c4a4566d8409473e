"""What the credentials of a program may do: the caller's grants, and what it asks for of them."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.grants import Grant, Operation
from service.access.narrowing import VENDABLE, Permission, vended_grants
from service.access.vended_policy import vended_policy
from service.errors import InvalidRequest
from tests.access.policy_evaluator import allows
from tests.access.policy_meaning import (
    BUCKET,
    BUCKET_ACTIONS,
    OBJECT_ACTIONS,
    allowing,
    below,
    granted_prefixes,
    is_folder,
    near,
    some_grants,
)

ARNS = bucket_arns("acme", partition="aws")
READS = {
    "s3:GetObject": (Operation.DOWNLOAD,),
    "s3:GetObjectVersion": (Operation.DOWNLOAD,),
}
WRITES = {
    "s3:PutObject": (Operation.UPLOAD, Operation.MULTIPART),
    "s3:AbortMultipartUpload": (Operation.MULTIPART,),
    "s3:ListMultipartUploadParts": (Operation.MULTIPART,),
    "s3:DeleteObject": (Operation.DELETE,),
    "s3:DeleteObjectVersion": (Operation.DELETE,),
}
NEEDED: Mapping[str, tuple[Operation, ...]] = {**READS, **WRITES}
ACTIONS: Mapping[Permission, Iterable[str]] = {
    Permission.READ: READS,
    Permission.WRITE: WRITES,
    Permission.READWRITE: NEEDED,
}
VERSIONED = {"s3:GetObjectVersion", "s3:DeleteObjectVersion"}
permissions = st.sampled_from(Permission)
ALL = allowing(*Operation)


def policy_of(granted: list[Grant], prefix: str = "", permission: str = "READWRITE") -> str:
    vended = vended_grants(granted, "reports", prefix, Permission(permission))
    return vended_policy(vended, ARNS, max_age=None)


def meant(granted: list[Grant], action: str, key: str, permission: Permission) -> bool:
    """Whether a grant with `credentials` allows this action on the key."""
    return action in ACTIONS[permission] and any(
        Operation.CREDENTIALS in grant.allow
        and below(grant.prefix, key)
        and not grant.allow.isdisjoint(NEEDED[action])
        and (action not in VERSIONED or Operation.VERSIONS in grant.allow)
        for grant in granted
    )


@given(
    granted=some_grants,
    prefix=granted_prefixes | st.just(""),
    permission=permissions,
    action=st.sampled_from(OBJECT_ACTIONS),
    data=st.data(),
)
def test_credentials_allow_exactly_the_granted_part(
    granted: list[Grant], prefix: str, permission: Permission, action: str, data: st.DataObject
) -> None:
    key = data.draw(near([*granted, allowing(prefix=prefix)]))
    allowed = allows(policy_of(granted, prefix, permission), action, f"{BUCKET}/{key}")
    assert allowed is (below(prefix, key) and meant(granted, action, key, permission))


@pytest.mark.parametrize(
    ("action", "needed"),
    [
        ("s3:ListBucket", {Operation.LIST, Operation.CREDENTIALS}),
        ("s3:ListBucketVersions", {Operation.LIST, Operation.VERSIONS, Operation.CREDENTIALS}),
    ],
)
@given(granted=some_grants, prefix=granted_prefixes | st.just(""), data=st.data())
def test_credentials_list_only_what_a_grant_may_list(
    granted: list[Grant], prefix: str, data: st.DataObject, action: str, needed: set[Operation]
) -> None:
    """A check or a completion may list one key, for the service only."""
    listed = data.draw(near(granted) | st.just(""))
    allowed = allows(policy_of(granted, prefix), action, BUCKET, {"s3:prefix": listed})
    assert allowed is any(
        grant.allow >= needed
        and is_folder(grant.prefix)
        and below(grant.prefix, listed)
        and is_folder(prefix)
        and below(prefix, listed)
        for grant in granted
    )


@given(granted=some_grants, key=near([ALL]), action=st.sampled_from(BUCKET_ACTIONS))
def test_credentials_allow_no_other_bucket_action(
    granted: list[Grant], key: str, action: str
) -> None:
    assert not allows(policy_of(granted), action, BUCKET, {"s3:prefix": key})


@pytest.mark.parametrize(
    "operation", [each for each in Operation if each not in VENDABLE - {Operation.VERSIONS}]
)
def test_what_iam_cannot_separate_is_never_vended(operation: Operation) -> None:
    """A HEAD is a download to IAM, and a form's upload any upload."""
    grant = allowing(operation, Operation.CREDENTIALS)
    assert vended_grants([grant], "reports", "", Permission.READWRITE) == []


def test_only_grants_with_credentials_on_the_bucket_count() -> None:
    without = allowing(*(set(Operation) - {Operation.CREDENTIALS}))
    assert vended_grants([without], "reports", "", Permission.READ) == []
    assert vended_grants([ALL], "photos", "", Permission.READ) == []


def test_tags_and_copies_are_left_to_iam() -> None:
    policy = policy_of([ALL])
    assert not allows(policy, "s3:PutObjectTagging", f"{BUCKET}/a/b")
    copy = {"s3:x-amz-copy-source": "acme/a/c"}
    assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", copy)


@pytest.mark.parametrize(
    "prefix", ["a/*", "a/?", "a/${aws:username}/", "a\\b", "a/../b/", "a/\x00"]
)
def test_a_prefix_that_could_match_more_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidRequest):
        vended_grants([ALL], "reports", prefix, Permission.READ)


def test_a_prefix_that_a_policy_reads_as_a_pattern_is_refused() -> None:
    for pattern in "*?$\\":
        with pytest.raises(InvalidRequest) as refused:
            vended_grants([ALL], "reports", f"a{pattern}/", Permission.READ)
        assert refused.value.detail == "A prefix cannot contain *, ?, $ or a backslash."
        assert [*refused.value.pointers] == ["#/prefix"]


@pytest.mark.parametrize("prefix", ["a/bc", "a/b/", "a/b/c", "a/"])
def test_a_grant_of_one_key_is_for_no_longer_key(prefix: str) -> None:
    granted = [allowing(*VENDABLE, Operation.CREDENTIALS, prefix="a/b")]
    found = vended_grants(granted, "reports", prefix, Permission.READWRITE)
    assert [each.prefix for each in found] == (["a/b"] if prefix == "a/" else [])


def test_one_key_cannot_be_listed() -> None:
    granted = [allowing(Operation.LIST, Operation.CREDENTIALS, prefix="a/")]
    assert vended_grants(granted, "reports", "a/b", Permission.READ) == []
