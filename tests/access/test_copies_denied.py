"""Session policies deny copies but no uploads, at IAM and at Ceph Squid."""

import json
import re
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.grants import Grant, Operation
from service.access.session_policy import (
    MAX_POLICY_LENGTH,
    Copies,
    GrantedBucket,
    scoped_session,
    session_policy,
)
from tests.access.policy_evaluator import (
    Holds,
    allows,
    holds_at_ceph_squid,
    holds_at_iam,
    statements,
)
from tests.access.policy_meaning import (
    BUCKET,
    KMS_KEY,
    OBJECT_ACTIONS,
    UPLOADS,
    VIA,
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
    ("granted", "source"),
    [
        ([allowing(Operation.SIGN, Operation.UPLOAD)], "acme/a/b"),
        ([allowing(Operation.SIGN, Operation.UPLOAD, Operation.HEAD)], "acme/a/b"),
        ([allowing(Operation.SIGN, Operation.UPLOAD), allowing(Operation.DOWNLOAD)], "/acme/a/b"),
        ([allowing(Operation.SIGN, Operation.DOWNLOAD), allowing(Operation.UPLOAD)], "/acme/a/b"),
        ([allowing(Operation.DOWNLOAD, Operation.FORM, Operation.MULTIPART)], "acme/a/b"),
        ([allowing(Operation.CHECK, Operation.UPLOAD)], "acme/a/b"),
        ([allowing(Operation.DOWNLOAD, Operation.UPLOAD)], "/acme/a/b"),
        ([allowing(Operation.DOWNLOAD), allowing(Operation.UPLOAD, prefix="b/")], "acme/b/b"),
    ],
)
def test_what_a_caller_may_not_copy_is_denied(granted: list[Grant], source: str) -> None:
    """Only clients that sign their own requests put a slash before the source."""
    copies = {"s3:x-amz-copy-source": source}
    for place in ("a/b", "b/b"):
        assert not allows(
            session_policy(granted, ARNS), "s3:PutObject", f"{BUCKET}/{place}", copies
        )


@pytest.mark.parametrize("holds", [holds_at_iam, holds_at_ceph_squid])
def test_a_caller_copies_what_it_downloads_to_where_it_uploads(holds: Holds) -> None:
    granted = [allowing(Operation.DOWNLOAD), allowing(Operation.UPLOAD, prefix="b/")]
    policy, copies = session_policy(granted, ARNS), {"s3:x-amz-copy-source": "acme/a/b"}
    assert allows(policy, "s3:PutObject", f"{BUCKET}/b/b", copies, holds=holds)
    assert allows(policy, "s3:GetObjectTagging", f"{BUCKET}/a/b")
    assert not allows(policy, "s3:PutObject", f"{BUCKET}/a/b", copies)
    assert not allows(policy, "s3:GetObjectTagging", f"{BUCKET}/b/b")


@pytest.mark.parametrize(("more", "allowed"), [({Operation.VERSIONS}, True), (set(), False)])
def test_a_version_of_one_key_is_copied_as_granted(more: set[Operation], *, allowed: bool) -> None:
    """For IAM the version is a part of the source."""
    granted = [allowing(Operation.DOWNLOAD, Operation.UPLOAD, *more, prefix="a/b")]
    for arns in (ARNS, bucket_arns("acme", partition="aws", enforces_limits=True)):
        policy, create = session_policy(granted, arns), {"s3:if-none-match": "*"}
        for source, is_version in (("acme/a/b?versionId=v1", True), ("acme/a/b", False)):
            copies = {**create, "s3:x-amz-copy-source": source}
            expected = allowed or not is_version
            assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", copies) is expected
        assert allows(policy, "s3:GetObjectVersionTagging", f"{BUCKET}/a/b") is allowed


OTHER: Final = bucket_arns("acme2", partition="aws")
FROM_OTHERS: Final = {"s3:x-amz-copy-source": "acme2/c/x"}


def test_a_copy_from_another_bucket_reads_only_that() -> None:
    other = GrantedBucket(OTHER, (allowing(Operation.DOWNLOAD, Operation.DELETE, prefix="c/"),))
    uploads = [allowing(Operation.UPLOAD)]
    session = scoped_session(uploads, ARNS, others=[other])
    assert session.copies is Copies.BETWEEN
    policy = session.policy
    assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", FROM_OTHERS)
    assert allows(policy, "s3:GetObject", "arn:aws:s3:::acme2/c/x")
    assert not allows(policy, "s3:GetObject", "arn:aws:s3:::acme2/d/x")
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not allows(policy, action, "arn:aws:s3:::acme2/c/x")
    assert not allows(session_policy(uploads, ARNS), "s3:PutObject", f"{BUCKET}/a/b", FROM_OTHERS)


def test_without_other_buckets_copies_stay_within_their_own() -> None:
    granted = [allowing(Operation.DOWNLOAD, Operation.UPLOAD)]
    assert scoped_session(granted, ARNS).copies is Copies.WITHIN


def test_a_copy_from_another_bucket_deletes_no_version_there() -> None:
    reads = allowing(Operation.DOWNLOAD, Operation.DELETE, Operation.VERSIONS, prefix="c/")
    other = GrantedBucket(OTHER, (reads,))
    policy = scoped_session([allowing(Operation.UPLOAD)], ARNS, others=[other]).policy
    assert allows(policy, "s3:GetObjectVersion", "arn:aws:s3:::acme2/c/x")
    assert not allows(policy, "s3:DeleteObjectVersion", "arn:aws:s3:::acme2/c/x")


def test_a_copy_of_an_encrypted_object_elsewhere_may_decrypt() -> None:
    at_aws = bucket_arns("acme", partition="aws", kms_via=(VIA,), enforces_limits=True)
    other = GrantedBucket(OTHER, (allowing(Operation.DOWNLOAD),))
    for others, expected in (([other], True), ([], False)):
        policy = scoped_session([allowing(Operation.UPLOAD)], at_aws, others=others).policy
        assert allows(policy, "kms:Decrypt", KMS_KEY, {"kms:ViaService": VIA}) is expected


# Instead of a download, which IAM does not tell from it
HEADS: Final = frozenset({Operation.DOWNLOAD, Operation.HEAD})


@pytest.mark.parametrize(
    ("prefixes", "copies"),
    [(4, Copies.BETWEEN), (12, Copies.WITHIN), (13, Copies.NONE), (24, Copies.NONE)],
)
def test_copies_take_the_room_of_nothing_else(prefixes: int, copies: Copies) -> None:
    at_aws = bucket_arns("acme", partition="aws", enforces_limits=True)
    other = GrantedBucket(OTHER, (allowing(Operation.DOWNLOAD, prefix=f"{'y' * 400}/"),))
    granted = [
        allowing(Operation.DOWNLOAD, Operation.UPLOAD, prefix=f"{'x' * 40}{n}/")
        for n in range(prefixes)
    ]
    session = scoped_session(granted, at_aws, max_age=9, others=[other])
    assert len(session.policy) <= MAX_POLICY_LENGTH
    assert session.copies is copies
    heads = [replace(each, allow=each.allow ^ HEADS) for each in granted]
    without = session_policy(heads, at_aws, max_age=9)
    for limit in ("s3:if-none-match", "s3:signatureAge"):
        assert (limit in session.policy) is (limit in without)
    source = {"s3:x-amz-copy-source": f"acme/{granted[0].prefix}a", "s3:if-none-match": "*"}
    allowed = allows(session.policy, "s3:PutObject", f"{BUCKET}/{granted[0].prefix}b", source)
    assert allowed is (copies is not Copies.NONE)


def test_nothing_is_copied_from_an_access_point() -> None:
    point = bucket_arns("arn:aws:s3:eu-west-1:111122223333:accesspoint/p", partition="aws")
    *_, denial = statements(session_policy(SIGNING, point))
    assert "StringNotLike" not in denial["Condition"]


@pytest.mark.parametrize("operation", [each for each in Operation if each not in UPLOADS])
def test_policies_without_uploads_do_not_mention_copies(operation: Operation) -> None:
    assert "copy-source" not in policy_for(operation)


@pytest.mark.parametrize(
    "limited",
    [
        replace(allowing(Operation.UPLOAD), content_types=("image/png",)),
        replace(allowing(Operation.UPLOAD), max_content_length=5),
    ],
)
def test_a_caller_whose_uploads_are_limited_copies_nothing(limited: Grant) -> None:
    """No call signs a copy for it, and a copy would pass the limit."""
    granted = [allowing(Operation.DOWNLOAD, prefix="shared/"), limited]
    assert scoped_session(granted, ARNS).copies is Copies.NONE


def test_the_denial_of_copies_is_short_and_minio_accepts_it() -> None:
    """ValidateStringValues in minio/pkg, policy/condition/stringfunc.go: a bucket and a key."""
    *_, denial = statements(policy_for(Operation.UPLOAD))
    assert denial["Effect"] == "Deny"
    assert denial["Action"] == "s3:PutObject"  # only IAM ignores the case
    assert len(json.dumps(denial, separators=(",", ":"))) < 190  # of the 2,048 that STS takes
    source = denial["Condition"]["StringNotEquals"]["s3:x-amz-copy-source"]
    assert re.fullmatch("[a-z0-9]{3,63}/[a-z]+", source)
