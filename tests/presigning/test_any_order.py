"""In any order of requests and reloads, the caller's own session signs, with the rights for it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.grants import Caller
from service.presigning.requests import PresignRequest
from service.presigning.snapshot import Snapshot
from service.signing.actions import DeleteObject, GetObject, HeadObject, ListObjects, PutObject
from service.signing.copy_object import CopyObject, CopySource
from tests.access.policy_evaluator import allows
from tests.support.authorizer import make_harness
from tests.support.factories import (
    make_bucket,
    make_caller_entry,
    make_grant,
    make_request,
    make_requester,
    make_snapshot,
)
from tests.support.virtual_time import VirtualTimeLoop

BUCKETS: Final = {
    "aws": make_bucket(arns=bucket_arns("aws", partition="aws", enforces_limits=True)),
    "other": make_bucket(arns=bucket_arns("other", partition="aws")),
}
READS: Final = (GetObject(), HeadObject(), DeleteObject(), ListObjects(prefix="k/"))
# What IAM calls reading, uploading and copying at `k/a`, in this order
RIGHTS: Final[Sequence[tuple[str, Mapping[str, str]]]] = (
    ("s3:GetObject", {}),
    ("s3:PutObject", {}),
    ("s3:PutObject", {"s3:x-amz-copy-source": "bucket/key"}),
)
# Which of these the session has that signs at a bucket, of all that the caller is granted
EXPECTED: Final = {
    ("aws", "read"): (True, True, False),
    ("aws", "upload"): (True, True, False),
    ("aws", "copy"): (True, False, True),
    ("other", "read"): (True, False, False),
    ("other", "upload"): (False, True, True),
    ("other", "copy"): (True, True, True),
}
Step = tuple[str, str, str, int, str | None]
steps: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([*BUCKETS]),
    st.sampled_from(["read", "upload", "copy"]),
    st.integers(0, len(READS) - 1),
    st.none() | st.sampled_from(["", "k/"]),  # reloads, with grants on this prefix
)


def configured(prefix: str) -> Snapshot:
    grants = [make_grant(bucket=name, prefix=prefix, allow_overwrite=True) for name in BUCKETS]
    entries = tuple(make_caller_entry(Caller(issuer=None, subject=name), *grants) for name in "ab")
    return replace(make_snapshot(buckets=BUCKETS), callers=entries)


def wanted(bucket: str, what: str, read: int) -> PresignRequest:
    source = CopySource(bucket=bucket, key="k/source")
    upload = PutObject(content_length=1, overwrite=True)
    copy = CopyObject(source=source, overwrite=True)
    action = {"read": READS[read], "upload": upload, "copy": copy}[what]
    return make_request(action, bucket=bucket, key="k/a")


async def sign_all(asked: Sequence[Step]) -> None:
    prefix = ""
    tested = make_harness(configured(prefix))
    for name, bucket, what, read, reload in asked:
        if reload is not None:
            prefix, tested.authorizer.snapshot = reload, configured(reload)
        caller = Caller(issuer=None, subject=name)
        signed = await tested.presign(wanted(bucket, what, read), make_requester(caller))
        source = tested.sources[bucket]
        at = next(i for i, each in enumerate(source.sessions) if each is signed.signed_by)
        assert source.fetched[at] == (None, name)
        policy, arn = source.policies[at] or "", f"arn:aws:s3:::{bucket}"
        is_granted = {key: granted(policy, f"{arn}/{key}") for key in ("k/a", "b")}
        assert is_granted["k/a"] == EXPECTED[bucket, what]
        assert any(is_granted["b"]) is (prefix == "")


def granted(policy: str, arn: str) -> tuple[bool, ...]:
    return tuple(allows(policy, action, arn, context) for action, context in RIGHTS)


@given(asked=st.lists(steps, min_size=1, max_size=12))
def test_each_request_has_a_session_with_its_rights(asked: Sequence[Step]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(sign_all(asked))
