"""The session that copies does nothing else, and copies only what may be read to where may be
uploaded.
"""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.copy_policy import Copies, CopyPolicy, GrantedBucket, copy_policy
from service.access.grants import Grant, Operation
from service.access.session_policy import MAX_POLICY_LENGTH
from tests.access.policy_evaluator import allows, holds_at_ceph_squid, statements
from tests.access.policy_meaning import (
    BUCKET,
    BUCKET_ACTIONS,
    KMS_KEY,
    LISTINGS,
    OBJECT_ACTIONS,
    VIA,
    allowing,
    copy_meant,
    near,
    some_grants,
)

ELSEWHERE: Final = bucket_arns("acme", partition="aws")
AT_AWS: Final = bucket_arns("acme", partition="aws", kms_via=(VIA,), enforces_limits=True)
OTHER: Final = bucket_arns("acme2", partition="aws")
COPY: Final = {"s3:x-amz-copy-source": "acme/a/x", "s3:if-none-match": "*"}
BOTH: Final = (Operation.DOWNLOAD, Operation.UPLOAD)


def made(*grants: Grant, at_aws: bool = True, others: tuple[GrantedBucket, ...] = ()) -> CopyPolicy:
    found = copy_policy(grants, AT_AWS if at_aws else ELSEWHERE, others=others)
    assert found is not None
    return found


@given(
    granted=some_grants,
    action=st.sampled_from([*OBJECT_ACTIONS, *LISTINGS, *BUCKET_ACTIONS]),
    at_aws=st.booleans(),
    data=st.data(),
)
def test_a_session_that_copies_may_do_what_copies_need(
    granted: list[Grant], action: str, at_aws: bool, data: st.DataObject
) -> None:
    found = copy_policy(granted, AT_AWS if at_aws else ELSEWHERE)
    copies = [copy_meant(granted, each, "") for each in ("s3:GetObject", "s3:PutObject")]
    if found is None:
        assert not all(copies)
        return
    key = data.draw(near(granted))
    allowed = allows(found.policy, action, f"{BUCKET}/{key}", COPY)
    assert allowed is copy_meant(granted, action, key)
    assert not allows(found.policy, action, BUCKET, {**COPY, "s3:prefix": key})


@given(granted=some_grants, data=st.data())
def test_at_aws_a_session_that_copies_uploads_nothing(
    granted: list[Grant], data: st.DataObject
) -> None:
    if (found := copy_policy(granted, AT_AWS)) is not None:
        key = f"{BUCKET}/{data.draw(near(granted))}"
        assert not allows(found.policy, "s3:PutObject", key, {"s3:if-none-match": "*"})


def test_elsewhere_nothing_is_denied() -> None:
    """RGW takes `Null` as true for an absent key, and the source is signed."""
    policy = made(allowing(*BOTH), at_aws=False).policy
    assert {each["Effect"] for each in statements(policy)} == {"Allow"}
    assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", COPY, holds=holds_at_ceph_squid)


def test_a_copy_needs_what_is_read_and_where_it_goes() -> None:
    policy = made(allowing(Operation.DOWNLOAD), allowing(Operation.UPLOAD, prefix="b/")).policy
    for action, allowed in (("s3:GetObject", "a/x"), ("s3:GetObjectTagging", "a/x")):
        assert allows(policy, action, f"{BUCKET}/{allowed}")
        assert not allows(policy, action, f"{BUCKET}/b/x")
    assert allows(policy, "s3:PutObject", f"{BUCKET}/b/x", COPY)
    assert not allows(policy, "s3:PutObject", f"{BUCKET}/a/x", COPY)


@pytest.mark.parametrize(
    "granted",
    [
        [],
        [allowing(Operation.DOWNLOAD)],
        [allowing(Operation.UPLOAD)],
        [allowing(Operation.HEAD, Operation.CHECK, Operation.UPLOAD)],
        [allowing(Operation.DOWNLOAD, Operation.FORM, Operation.MULTIPART)],
        [replace(allowing(*BOTH), max_content_length=5)],
        [replace(allowing(*BOTH), content_types=("image/png",))],
        [replace(allowing(*BOTH, Operation.SIGN), max_content_length=5)],
    ],
)
def test_who_may_copy_nothing_has_no_such_session(granted: list[Grant]) -> None:
    assert copy_policy(granted, AT_AWS) is None


@pytest.mark.parametrize(
    "grant",
    [
        allowing(Operation.SIGN, Operation.DOWNLOAD, Operation.MULTIPART),
        replace(allowing(Operation.SIGN, *BOTH), content_types=("image/png",)),
    ],
)
def test_a_client_that_signs_copies_to_parts_and_declares_types(grant: Grant) -> None:
    assert allows(made(grant).policy, "s3:PutObject", f"{BUCKET}/a/b", COPY)


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_copy_replaces_only_what_an_upload_may(*, overwrite: bool) -> None:
    """Also where a form sends no condition: a copy always has one."""
    grant = replace(allowing(*BOTH, Operation.FORM), allow_overwrite=overwrite)
    without = {"s3:x-amz-copy-source": "acme/a/x", "s3:ObjectCreationOperation": "true"}
    assert allows(made(grant).policy, "s3:PutObject", f"{BUCKET}/a/b", without) is overwrite


def test_a_copy_from_another_bucket_reads_only_that() -> None:
    reads = allowing(*BOTH, Operation.DELETE, Operation.VERSIONS, prefix="c/")
    found = made(allowing(Operation.UPLOAD), others=(GrantedBucket(OTHER, (reads,)),))
    assert found.copies is Copies.BETWEEN
    for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"):
        assert allows(found.policy, action, "arn:aws:s3:::acme2/c/x")
        assert not allows(found.policy, action, "arn:aws:s3:::acme2/d/x")
        assert not allows(found.policy, action, f"{BUCKET}/a/x")
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert not allows(found.policy, action, "arn:aws:s3:::acme2/c/x", COPY)


def test_without_other_buckets_copies_stay_within_their_own() -> None:
    other = GrantedBucket(OTHER, (allowing(Operation.UPLOAD),))
    assert made(allowing(*BOTH)).copies is made(allowing(*BOTH), others=(other,)).copies
    assert made(allowing(*BOTH)).copies is Copies.WITHIN


def test_a_copy_of_an_encrypted_object_may_decrypt_and_encrypt() -> None:
    elsewhere = GrantedBucket(OTHER, (allowing(Operation.DOWNLOAD),))
    for found in (made(allowing(*BOTH)), made(allowing(Operation.UPLOAD), others=(elsewhere,))):
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert allows(found.policy, action, KMS_KEY, {"kms:ViaService": VIA})
            assert not allows(found.policy, action, KMS_KEY)


@pytest.mark.parametrize(
    ("prefixes", "copies", "limited"),
    [
        (1, Copies.BETWEEN, True),
        (20, Copies.WITHIN, True),
        (23, Copies.WITHIN, False),
        (26, None, False),
    ],
)
def test_other_buckets_then_limits_give_way_to_copies(
    prefixes: int, copies: Copies | None, *, limited: bool
) -> None:
    other = GrantedBucket(OTHER, (allowing(Operation.DOWNLOAD, prefix=f"{'y' * 400}/"),))
    granted = [allowing(*BOTH, prefix=f"{'x' * 40}{n:02}/") for n in range(prefixes)]
    found = copy_policy(granted, AT_AWS, max_age=9, others=[other])
    assert (None if found is None else found.copies) is copies
    if found is not None:
        assert len(found.policy) <= MAX_POLICY_LENGTH
        limits = {"s3:if-none-match", "s3:signatureAge"}
        assert all(each in found.policy for each in limits) is limited


def test_a_policy_that_just_fits_is_made() -> None:
    def of(length: int) -> Grant:
        return allowing(*BOTH, prefix=f"{'x' * length}/")

    room = MAX_POLICY_LENGTH - len(made(of(0), at_aws=False).policy)
    assert len(made(of(room), at_aws=False).policy) == MAX_POLICY_LENGTH
    assert copy_policy([of(room + 1)], ELSEWHERE) is None
