"""The session policy denies an upload URL with a copy source added.

MiniStack acts on an unsigned copy source (`test_mutations.py`) and has no condition key for it. So
the policy is recorded on its way to STS, and evaluated by IAM's rules.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from service.sessions.sts import session_name
from tests.access.policy_evaluator import allows, holds_at_ceph_squid
from tests.end_to_end.recording_sts import RecordingSts, recording
from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.stores import BUCKET, Store

KEY: Final = "peeper/a.txt"
ARN: Final = f"arn:aws:s3:::{BUCKET}/{KEY}"
SOURCES: Final = [f"/{BUCKET}/alice/secret.txt", f"{BUCKET}/alice/secret.txt", "other/key"]


@pytest.fixture(name="sts", scope="module")
def _sts(ministack: Store) -> Iterator[RecordingSts]:
    with recording(ministack.endpoint_url) as sts:
        yield sts


@pytest.fixture(name="peeper", scope="module")
def _peeper(
    ministack: Store, sts: RecordingSts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A caller with `head` below `alice/`, and uploads below `peeper/`."""
    uploads = ["upload", "form", "multipart"]
    caller = make_caller("peeper", API_KEY, "peeper/", allow=uploads)
    caller["grants"] += make_caller("peeper", API_KEY, "alice/", allow=["head"])["grants"]
    directory: Path = tmp_path_factory.mktemp("peeper")
    with run_service(ministack, directory, callers=[caller], sts_endpoint_url=sts.url) as service:
        yield service


@pytest.mark.parametrize("source", SOURCES)
def test_the_session_policy_sent_to_sts_denies_copies(
    peeper: RunningService, sts: RecordingSts, source: str
) -> None:
    reply = peeper.client.post(
        "/v1/upload-urls", json={"bucket": "objects", "key": KEY, "content_length": 5}
    )
    assert reply.status_code == 200, reply.text
    policy = sts.policies[session_name((None, "peeper"))]
    assert len(policy) <= 2048
    assert allows(policy, "s3:PutObject", ARN)
    assert allows(policy, "s3:PutObject", ARN, holds=holds_at_ceph_squid)
    assert not allows(policy, "s3:PutObject", ARN, {"s3:x-amz-copy-source": source})
