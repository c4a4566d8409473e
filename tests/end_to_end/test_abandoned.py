"""Abandoned multipart uploads: `presign uploads` as an operator runs it, on real stores.

Each test has its own bucket, since the command covers a whole bucket.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.operators import Commands, document
from tests.support.stores import Store

pytestmark = pytest.mark.slow  # each test runs `presign uploads` several times

LIFECYCLE: Final = document("lifecycle.json")
POLICY: Final = document("abandoned-uploads.json")
PLACEHOLDER: Final = "acme-reports-prod"
NEVER: Final = "http://127.0.0.1:9"  # nothing listens there
_numbers = count()


@dataclass(frozen=True, kw_only=True)
class Operator(Commands):
    """A bucket of the store, and the command for it."""

    bucket: str

    def begin(self, key: str, *parts: bytes) -> str:
        admin = self.store.admin_client()
        upload_id: str = admin.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        for number, part in enumerate(parts, 1):
            admin.upload_part(
                Bucket=self.bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part
            )
        return upload_id

    def open(self) -> set[tuple[str, str]]:
        listed = self.store.admin_client().list_multipart_uploads(Bucket=self.bucket)
        return {(each["Key"], each["UploadId"]) for each in listed.get("Uploads", [])}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.presign("uploads", *arguments)


def operator(store: Store, directory: Path, **more: dict[str, Any]) -> Operator:
    bucket = f"presign-abandoned-{next(_numbers)}"
    place = {"LocationConstraint": store.region}
    store.admin_client().create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    common = {"bucket": bucket, "region": store.region, "endpoint_url": store.endpoint_url}
    role = {"role_arn": store.role_arn, "sts_endpoint_url": NEVER}  # the role is not the operator's
    buckets = {"reports": {**common, **role}}
    buckets |= {name: {**common, **role, **changes} for name, changes in more.items()}
    configuration = directory / "presign.yaml"
    configuration.write_text(json.dumps({"buckets": buckets}))
    return Operator(store=store, configuration=configuration, bucket=bucket)


def fields(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_uploads_are_listed_and_aborted_on_request(store: Store, tmp_path: Path) -> None:
    ann = operator(store, tmp_path)
    small, odd = ann.begin("a/small.bin", b"half"), ann.begin("b/Ré sumé+%.bin")
    listed = ann.run("--older-than", "0m")
    assert listed.returncode == 0, listed.stderr
    assert listed.stderr == "2 uploads of any age; use --abort to abort them\n"
    rows = {(bucket, key, upload_id) for bucket, key, upload_id, _, _ in fields(listed)}
    assert rows == {("reports", "a/small.bin", small), ("reports", "'b/Ré sumé+%.bin'", odd)}
    assert len(ann.open()) == 2

    ended = ann.run("--older-than", "0m", "--abort")
    assert ended.returncode == 0
    assert {tuple(row[:4]) for row in fields(ended)} == {tuple(row[:4]) for row in fields(listed)}
    assert ended.stderr == "2 uploads of any age; 2 aborted\n"
    assert ann.open() == set()
    assert ann.run("--older-than", "0m", "--abort").stderr == "0 uploads of any age; 0 aborted\n"


def test_only_old_uploads_are_aborted(store: Store, tmp_path: Path) -> None:
    ann = operator(store, tmp_path)
    ann.begin("a.bin")
    is_old = int(store.name == "moto")  # which dates all uploads to 2010
    done = ann.run("--older-than", "365d", "--abort")
    assert done.returncode == 0
    assert done.stderr.endswith(f" older than 365d; {is_old} aborted\n")
    assert len(ann.open()) == 1 - is_old


def test_uploads_beyond_one_page_are_found_and_aborted(
    verifying_store: Store, tmp_path: Path
) -> None:
    ann = operator(verifying_store, tmp_path)
    with ThreadPoolExecutor(4) as pool:
        begun = set(pool.map(ann.begin, [f"k{i % 7}/{i:04}" for i in range(520)]))
    done = ann.run("--older-than", "0m", "--abort")
    assert done.stderr == "520 uploads of any age; 520 aborted\n"
    assert {upload_id for _, _, upload_id, _, _ in fields(done)} == begun
    assert ann.open() == set()


def test_a_refused_bucket_does_not_stop_the_others(verifying_store: Store, tmp_path: Path) -> None:
    missing = {"bucket": "presign-there-is-none"}
    down = {"endpoint_url": NEVER}
    ann = operator(verifying_store, tmp_path, down=down, missing=missing)
    ann.begin("a.bin")
    done = ann.run("--older-than", "0m", "--abort")
    assert (done.returncode, len(fields(done)), ann.open()) == (1, 1, set())
    assert done.stderr.splitlines() == [
        "1 upload of any age; 1 aborted",
        "Error: some operations failed:",
        "bucket down: The store cannot be reached, or reports a temporary failure",
        "bucket missing: the store refused: NoSuchBucket",
    ]
    assert ann.run("--older-than", "0m", "--bucket", "reports").returncode == 0


# deploy/iam


def test_the_store_accepts_the_lifecycle_rule(store: Store, tmp_path: Path) -> None:
    ann = operator(store, tmp_path)
    admin = store.admin_client()
    admin.put_bucket_lifecycle_configuration(Bucket=ann.bucket, LifecycleConfiguration=LIFECYCLE)
    kept = admin.get_bucket_lifecycle_configuration(Bucket=ann.bucket)["Rules"]
    assert kept == LIFECYCLE["Rules"]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in kept] == [{"DaysAfterInitiation": 7}]


def with_rights(ann: Operator, statements: list[dict[str, Any]]) -> Operator:
    arns = {f"arn:aws:s3:::{PLACEHOLDER}", f"arn:aws:s3:::{PLACEHOLDER}/*"}
    assert {each["Resource"] for each in statements} <= arns
    policy = json.dumps({**POLICY, "Statement": statements})
    return ann.as_new_user(policy.replace(PLACEHOLDER, ann.bucket))


def test_the_policy_is_enough_for_the_command(ministack: Store, tmp_path: Path) -> None:
    ann = with_rights(operator(ministack, tmp_path), POLICY["Statement"])
    ann.begin("a/b.bin", b"half")
    done = ann.run("--older-than", "0m", "--abort")
    assert (done.returncode, done.stderr) == (0, "1 upload of any age; 1 aborted\n")
    assert ann.open() == set()


@pytest.mark.parametrize(
    ("missing", "reported"),
    [
        ("s3:ListBucketMultipartUploads", "bucket reports: the store refused: AccessDenied"),
        ("s3:AbortMultipartUpload", "bucket reports: 1 not aborted: the store refused: AccessDenied"),
    ],
)  # fmt: skip
def test_each_action_of_the_policy_is_needed(
    ministack: Store, tmp_path: Path, missing: str, reported: str
) -> None:
    rest = [each for each in POLICY["Statement"] if each["Action"] != missing]
    assert len(rest) == len(POLICY["Statement"]) - 1
    ann = with_rights(operator(ministack, tmp_path), rest)
    ann.begin("a.bin")
    done = ann.run("--older-than", "0m", "--abort")
    assert (done.returncode, len(ann.open())) == (1, 1)
    assert reported in done.stderr.splitlines()
    for hidden in ("arn:", "127.0.0.1", ann.key_id, ann.secret):
        assert hidden not in done.stderr
