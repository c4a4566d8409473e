"""Session policies deny copies but no uploads, at IAM and at Ceph Squid."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.grants import Grant, Operation
from service.access.session_policy import session_policy
from tests.access.policy_evaluator import (
    Holds,
    allows,
    holds_at_ceph_squid,
    holds_at_iam,
    statements,
)
from tests.access.policy_meaning import (
    BUCKET,
    OBJECT_ACTIONS,
    UPLOADS,
    allowing,
    copy_meant,
    meant,
    near,
    some_grants,
)

ARNS = bucket_arns("acme", partition="aws")


@given(
    granted=some_grants,
    action=st.sampled_from(OBJECT_ACTIONS),
    source=st.sampled_from(
        ["/acme/a/b", "acme/a", "acme/b/", "//acme/a", "other/a", "%61cme/a", "x", ""]
    ),
    data=st.data(),
)
def test_only_copies_of_what_is_not_signed_and_read_are_denied(
    granted: list[Grant], action: str, source: str, data: st.DataObject
) -> None:
    """CopyObject and UploadPartCopy are PutObject with a source."""
    policy, key = session_policy(granted, ARNS), data.draw(near(granted))
    copies = {"s3:x-amz-copy-source": source}
    allowed = allows(policy, action, f"{BUCKET}/{key}", copies)
    copied = action != "s3:PutObject" or copy_meant(granted, source)
    assert allowed is (meant(granted, action, key) and copied)


def policy_for(operation: Operation) -> str:
    return session_policy([allowing(operation)], ARNS)


@pytest.mark.parametrize("operation", sorted(UPLOADS))
@pytest.mark.parametrize("holds", [holds_at_iam, holds_at_ceph_squid])
def test_an_upload_is_allowed_at_iam_and_at_ceph_squid(holds: Holds, operation: Operation) -> None:
    """Squid ignores the value of `Null`."""
    policy = policy_for(operation)
    assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", holds=holds)
    assert not allows(policy, "s3:PutObject", f"{BUCKET}/b/b", holds=holds)


@pytest.mark.parametrize("operation", sorted(UPLOADS))
def test_an_upload_policy_denies_copies(operation: Operation) -> None:
    copies = {"s3:x-amz-copy-source": "acme/a/secret"}
    assert not allows(policy_for(operation), "s3:PutObject", f"{BUCKET}/a/b", copies)


SIGNING = [allowing(Operation.SIGN, Operation.DOWNLOAD, Operation.UPLOAD)]


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("acme/a/x", True),
        ("/acme/a/x", True),
        ("acme/b/x", False),
        ("acme2/a/x", False),
        ("arn:aws:s3:eu-west-1:111122223333:accesspoint/p/object/a/x", False),
    ],
)
def test_a_caller_that_signs_copies_what_it_may_read(source: str, *, allowed: bool) -> None:
    copies = {"s3:x-amz-copy-source": source}
    policy = session_policy(SIGNING, ARNS)
    assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", copies) is allowed


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("acme/é x/y", True),
        ("acme/%C3%A9%20x/y%20z", True),
        ("/acme/%C3%A9%20x/y", True),
        ("acme/%C3%A9/y", False),
        ("acme/%c3%a9%20x/y", False),
    ],
)
def test_at_aws_a_source_may_be_encoded(source: str, *, allowed: bool) -> None:
    """No page says whether IAM compares it decoded."""
    granted = [allowing(Operation.SIGN, Operation.DOWNLOAD, Operation.UPLOAD, prefix="é x/")]
    copies = {"s3:x-amz-copy-source": source, "s3:if-none-match": "*"}
    for at_aws in (True, False):
        arns = bucket_arns("acme", partition="aws", enforces_limits=at_aws)
        expected = allowed and (at_aws or "%" not in source)
        policy = session_policy(granted, arns)
        assert allows(policy, "s3:PutObject", f"{BUCKET}/é x/b", copies) is expected


@pytest.mark.parametrize("holds", [holds_at_iam, holds_at_ceph_squid])
def test_a_caller_that_signs_may_upload(holds: Holds) -> None:
    policy = session_policy(SIGNING, ARNS)
    assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", holds=holds)


@pytest.mark.parametrize(
    "granted",
    [
        [allowing(Operation.SIGN, Operation.UPLOAD)],
        [allowing(Operation.SIGN, Operation.UPLOAD), allowing(Operation.DOWNLOAD)],
        [allowing(Operation.SIGN, Operation.DOWNLOAD), allowing(Operation.UPLOAD)],
        [allowing(Operation.SIGN, Operation.UPLOAD, Operation.HEAD)],
    ],
)
def test_only_signed_downloads_are_sources(granted: list[Grant]) -> None:
    copies = {"s3:x-amz-copy-source": "acme/a/b"}
    assert not allows(session_policy(granted, ARNS), "s3:PutObject", f"{BUCKET}/a/b", copies)


def test_nothing_is_copied_from_an_access_point() -> None:
    point = bucket_arns("arn:aws:s3:eu-west-1:111122223333:accesspoint/p", partition="aws")
    *_, denial = statements(session_policy(SIGNING, point))
    assert "StringNotLike" not in denial["Condition"]


@pytest.mark.parametrize("operation", [each for each in Operation if each not in UPLOADS])
def test_policies_without_uploads_do_not_mention_copies(operation: Operation) -> None:
    assert "copy-source" not in policy_for(operation)


def test_the_denial_of_copies_is_short_and_minio_accepts_it() -> None:
    """ValidateStringValues in minio/pkg, policy/condition/stringfunc.go: a bucket and a key."""
    *_, denial = statements(policy_for(Operation.UPLOAD))
    assert denial["Effect"] == "Deny"
    assert denial["Action"] == "s3:PutObject"  # only IAM ignores the case
    assert len(json.dumps(denial, separators=(",", ":"))) < 190  # of the 2,048 that STS takes
    source = denial["Condition"]["StringNotEquals"]["s3:x-amz-copy-source"]
    assert re.fullmatch("[a-z0-9]{3,63}/[a-z]+", source)
