"""One process signs for two stores, each with keys of its own."""

import json
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from tests.support.service import make_caller, make_settings, run_service, send
from tests.support.stores import BODY, ROOT_KEY_ID, ROOT_SECRET, Store, new_user

EVERYTHING: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}],
    }
)
STATIC: Final[dict[str, Any]] = {
    "credentials": "static",
    "role_arn": None,
    "sts_endpoint_url": None,
}


def key_files(directory: Path, key_id: str, secret: str) -> dict[str, Any]:
    """Write the keys of a store, and return the settings that name their files."""
    directory.mkdir()
    files = {"access_key_id_file": key_id, "secret_access_key_file": secret}
    for name, key in files.items():
        (directory / name).write_text(f"{key}\n")
    return {name: str(directory / name) for name in files}


def test_each_store_accepts_what_its_own_keys_signed(
    ministack: Store, seaweedfs: Store, tmp_path: Path
) -> None:
    user = new_user(ministack, f"user-{uuid4().hex[:8]}", EVERYTHING)
    of_ministack = key_files(
        tmp_path / "ministack", user["aws_access_key_id"], user["aws_secret_access_key"]
    )
    of_seaweedfs = key_files(tmp_path / "seaweedfs", ROOT_KEY_ID, ROOT_SECRET)
    buckets = {
        "objects": make_settings(ministack, **STATIC, **of_ministack)["buckets"]["objects"],
        "versions": make_settings(seaweedfs, **STATIC, **of_seaweedfs)["buckets"]["objects"],
    }
    callers = [make_caller("tests", "end-to-end", "")]
    with run_service(ministack, tmp_path, None, callers, top={"buckets": buckets}) as service:
        key = f"static-keys/{uuid4().hex}"  # tests share the stores, and an upload replaces nothing
        for bucket in ("objects", "versions"):
            upload = service.sign("upload-urls", bucket=bucket, key=key, content_length=len(BODY))
            assert send(upload, BODY).status_code == 200
            download = service.sign("download-urls", bucket=bucket, key=key)
            assert send(download).content == BODY
        metrics = service.client.get("/metrics").text
    output = (tmp_path / "output.log").read_text()
    for hidden in (ROOT_SECRET, user["aws_secret_access_key"]):
        assert hidden not in output + metrics
