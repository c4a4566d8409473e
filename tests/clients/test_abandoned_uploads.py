"""rclone aborts the multipart uploads that nobody completes, as docs/large-objects.md says."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest

from tests.clients.toolchains import tool
from tests.docs.documents import blocks
from tests.end_to_end.operators import document
from tests.support.stores import Store, new_user

PAGE: Final = "docs/large-objects.md"
POLICY: Final = document("abandoned-uploads.json")
PLACEHOLDER: Final = "acme-reports-prod"
[COMMAND] = [block.text for block in blocks(PAGE) if "rclone backend cleanup" in block.text]
_numbers = count()


@dataclass(frozen=True)
class Operator:
    """A bucket of the store, and keys for rclone."""

    store: Store
    bucket: str
    keys: Mapping[str, str]

    def begin(self) -> None:
        admin = self.store.admin_client()
        admin.create_multipart_upload(Bucket=self.bucket, Key="videos/keynote.mp4")

    def open(self) -> int:
        listed = self.store.admin_client().list_multipart_uploads(Bucket=self.bucket)
        return len(listed.get("Uploads", []))

    def clean_up(self, age: str) -> int:
        """Run the page's command, and return the exit code."""
        remote = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": self.store.endpoint_url,
            "REGION": self.store.region,
            "ACCESS_KEY_ID": self.keys["aws_access_key_id"],
            "SECRET_ACCESS_KEY": self.keys["aws_secret_access_key"],
        }
        tool("rclone", "rclone")
        command = COMMAND.replace(PLACEHOLDER, self.bucket).replace("=7d", f"={age}")
        done = subprocess.run(
            ["sh", "-c", command],
            env={"PATH": os.environ["PATH"], "HOME": "/nowhere"}
            | {f"RCLONE_CONFIG_STORE_{name}": value for name, value in remote.items()},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode


def operator(store: Store, statements: list[Any] = POLICY["Statement"]) -> Operator:
    """Return an operator with these permissions on a new bucket of MiniStack."""
    number = next(_numbers)
    bucket = f"presign-abandoned-{number}"
    place = {"LocationConstraint": store.region}
    store.admin_client().create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    policy = json.dumps({**POLICY, "Statement": statements}).replace(PLACEHOLDER, bucket)
    return Operator(store, bucket, new_user(store, f"cleaner-{number}", policy))


def test_rclone_aborts_uploads_that_are_old_enough(ministack: Store) -> None:
    ann = operator(ministack)
    ann.begin()
    assert (ann.clean_up("7d"), ann.open()) == (0, 1)
    assert (ann.clean_up("0s"), ann.open()) == (0, 0)


@pytest.mark.parametrize("missing", POLICY["Statement"], ids=lambda each: each["Sid"])
def test_each_statement_of_the_policy_is_needed(ministack: Store, missing: dict[str, Any]) -> None:
    ann = operator(ministack, [each for each in POLICY["Statement"] if each != missing])
    ann.begin()
    ann.clean_up("0s")
    assert ann.open() == 1
