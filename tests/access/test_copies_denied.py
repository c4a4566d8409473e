"""No session that uploads copies: AWS denies it, and elsewhere such a session may not read."""

import json
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import BucketArns, bucket_arns
from service.access.grants import Grant, Operation
from service.access.session_policy import session_policies, session_policy
from tests.access.policy_evaluator import (
    Holds,
    allows,
    holds_at_ceph_squid,
    holds_at_iam,
    statements,
)
from tests.access.policy_meaning import (
    BUCKET,
    LISTINGS,
    OBJECT_ACTIONS,
    UPLOADS,
    allowing,
    listing_meant,
    meant,
    near,
    some_grants,
)

ELSEWHERE: Final = bucket_arns("acme", partition="aws")
AT_AWS: Final = bucket_arns("acme", partition="aws", enforces_limits=True)
SOURCES: Final = ["acme/a/b", "/acme/a/b", "acme/a/b?versionId=v1", "other/a", "%61cme/a", "x", ""]
READS: Final = {Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK}
READING: Final = [each for each in OBJECT_ACTIONS if each.startswith("s3:GetObject")]


@given(granted=some_grants, source=st.sampled_from(SOURCES), data=st.data())
def test_at_aws_a_session_that_uploads_denies_every_copy(
    granted: list[Grant], source: str, data: st.DataObject
) -> None:
    """CopyObject and UploadPartCopy are PutObject with a source."""
    policies, key = session_policies(granted, AT_AWS), f"{BUCKET}/{data.draw(near(granted))}"
    copies = {"s3:x-amz-copy-source": source, "s3:if-none-match": "*"}
    for policy in policies:
        assert not allows(policy, "s3:PutObject", key, copies)


@given(granted=some_grants)
def test_at_aws_one_session_reads_and_uploads(granted: list[Grant]) -> None:
    policies = session_policies(granted, AT_AWS)
    assert policies.uploading == policies.other == session_policy(granted, AT_AWS)


@given(granted=some_grants, data=st.data())
def test_elsewhere_no_session_both_reads_and_uploads(
    granted: list[Grant], data: st.DataObject
) -> None:
    """So no source is readable, whatever header is added."""
    read, written = (f"{BUCKET}/{data.draw(near(granted))}" for _ in range(2))
    for policy in session_policies(granted, ELSEWHERE):
        reads = any(allows(policy, action, read) for action in READING)
        assert not (reads and allows(policy, "s3:PutObject", written))


@given(granted=some_grants, action=st.sampled_from(OBJECT_ACTIONS), data=st.data())
def test_elsewhere_the_two_sessions_allow_what_is_granted(
    granted: list[Grant], action: str, data: st.DataObject
) -> None:
    policies, key = session_policies(granted, ELSEWHERE), data.draw(near(granted))
    allowed = [allows(policy, action, f"{BUCKET}/{key}") for policy in policies]
    assert any(allowed) is meant(granted, action, key)
    listed = [allows(each, LISTINGS[0], BUCKET, {"s3:prefix": key}) for each in policies]
    assert any(listed) is listing_meant(granted, key)


@given(granted=some_grants)
def test_who_only_reads_or_only_uploads_has_one_session(granted: list[Grant]) -> None:
    for left_out in (UPLOADS, READS):
        some = [replace(each, allow=each.allow - left_out) for each in granted]
        assert len({*session_policies(some, ELSEWHERE)}) == 1


def test_a_session_that_uploads_elsewhere_has_the_rights_of_uploads() -> None:
    granted = [allowing(*Operation)]
    policy = session_policies(granted, ELSEWHERE).uploading
    assert statements(policy) == [
        {
            "Effect": "Allow",
            "Action": [
                "s3:PutObject",
                "s3:PutObjectTagging",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            "Resource": f"{BUCKET}/a/*",
        },
        {  # a repeated completion looks for its key
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": BUCKET,
            "Condition": {"StringLike": {"s3:prefix": "a/*"}},
        },
    ]


@pytest.mark.parametrize("operation", sorted(UPLOADS))
@pytest.mark.parametrize("holds", [holds_at_iam, holds_at_ceph_squid])
def test_an_upload_is_allowed_at_iam_and_at_ceph_squid(holds: Holds, operation: Operation) -> None:
    """Squid ignores the value of `Null`, so no policy for another store has it."""
    policy = session_policies([allowing(operation, *READS)], ELSEWHERE).uploading
    assert allows(policy, "s3:PutObject", f"{BUCKET}/a/b", holds=holds)
    assert not allows(policy, "s3:PutObject", f"{BUCKET}/b/b", holds=holds)


@pytest.mark.parametrize("arns", [AT_AWS, ELSEWHERE])
@pytest.mark.parametrize("operation", Operation)
def test_only_uploads_at_aws_mention_copies(arns: BucketArns, operation: Operation) -> None:
    policy = session_policy([allowing(operation)], arns)
    assert ("copy-source" in policy) is (arns is AT_AWS and operation in UPLOADS)


def test_the_denial_of_copies_is_short_whatever_the_prefixes() -> None:
    for count in (1, 9):
        granted = [
            replace(allowing(*UPLOADS, prefix=f"{n}/"), allow_overwrite=True) for n in range(count)
        ]
        *_, denial = statements(session_policy(granted, AT_AWS))
        assert denial == {
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Resource": "*",
            "Condition": {"Null": {"s3:x-amz-copy-source": "false"}},
        }
        assert len(json.dumps(denial, separators=(",", ":"))) == 110  # of the 2,048 that STS takes
