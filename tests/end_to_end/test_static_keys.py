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


def test_each_store_accepts_what_its_own_keys_signed(
    ministack: Store, seaweedfs: Store, tmp_path: Path
) -> None:
    user = new_user(ministack, f"user-{uuid4().hex[:8]}", EVERYTHING)
    profile, key_id, secret = (tmp_path / name for name in ("credentials", "key-id", "secret"))
    profile.write_text("[store-a]\n" + "".join(f"{name} = {key}\n" for name, key in user.items()))
    key_id.write_text(f"{ROOT_KEY_ID}\n")
    secret.write_text(f"{ROOT_SECRET}\n")
    files: dict[str, Any] = {
        "access_key_id_file": str(key_id),
        "secret_access_key_file": str(secret),
    }
    buckets = {
        "objects": make_settings(ministack, **STATIC, profile="store-a")["buckets"]["objects"],
        "versions": make_settings(seaweedfs, **STATIC, **files)["buckets"]["objects"],
    }
    # The default chain has other keys, which neither bucket may use.
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(profile)}
    callers = [make_caller("tests", "end-to-end", "")]
    with run_service(
        ministack, tmp_path, environment, callers, top={"buckets": buckets}
    ) as service:
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
