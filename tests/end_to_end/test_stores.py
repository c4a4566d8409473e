"""What the other end-to-end tests rely on: the stores run, issue sessions and, except moto, verify.

botocore signs here, so that a failure is the store's and not ours.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support import processes, stores
from tests.support.late import again_if_late, within
from tests.support.processes import StartError
from tests.support.stores import Store


@dataclass(frozen=True, kw_only=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


def base_credentials(store: Store) -> Credentials:
    return Credentials(access_key_id=store.access_key_id, secret_access_key=store.secret_access_key)


def client(service: str, store: Store, credentials: Credentials) -> Any:
    return boto3.Session().client(
        service,
        endpoint_url=store.endpoint_url if service == "s3" else store.sts_endpoint_url,
        region_name=store.region,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=Config(
            signature_version="s3v4" if service == "s3" else "v4",
            s3={"addressing_style": "path"},
            parameter_validation=False,  # botocore refuses a session of less than 900 seconds
            request_checksum_calculation="when_required",
        ),
    )


def assume_role(store: Store, seconds: int = 900, **more: Any) -> Credentials:
    with closing(client("sts", store, base_credentials(store))) as sts:
        answer = sts.assume_role(
            RoleArn=store.role_arn, RoleSessionName="test", DurationSeconds=seconds, **more
        )
    given = answer["Credentials"]
    return Credentials(
        access_key_id=given["AccessKeyId"],
        secret_access_key=given["SecretAccessKey"],
        session_token=given["SessionToken"],
    )


def presign(
    store: Store, credentials: Credentials, operation: str, key: str, bucket: str | None = None
) -> str:
    with closing(client("s3", store, credentials)) as s3:
        url: str = s3.generate_presigned_url(
            operation, Params={"Bucket": bucket or store.bucket, "Key": key}, ExpiresIn=3600
        )
    return url


def stored_by_root(store: Store) -> str:
    key = f"stores/{uuid4()}"
    store.admin_client().put_object(Bucket=store.bucket, Key=key, Body=b"by root")
    return key


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as http:
        yield http


def test_a_session_puts_and_gets_by_presigned_url(store: Store, http: httpx.Client) -> None:
    session, key = assume_role(store), f"stores/{uuid4()} ü+&.txt"
    put = http.put(presign(store, session, "put_object", key), content=b"by session")
    got = http.get(presign(store, session, "get_object", key))
    stored = store.admin_client().get_object(Bucket=store.bucket, Key=key)["Body"].read()
    assert (put.status_code, got.status_code) == (200, 200)
    assert got.content == stored == b"by session"


def test_a_tampered_signature_is_refused(verifying_store: Store, http: httpx.Client) -> None:
    key = stored_by_root(verifying_store)
    url = presign(verifying_store, assume_role(verifying_store), "get_object", key)
    tampered = url[:-1] + ("0" if url[-1] != "0" else "1")
    assert http.get(url).status_code == 200
    assert http.get(tampered).status_code == 403


def test_an_unknown_key_is_refused(verifying_store: Store, http: httpx.Client) -> None:
    stranger = Credentials(access_key_id="AKIASTRANGERSTRANGER", secret_access_key="unknown")
    url = presign(verifying_store, stranger, "get_object", stored_by_root(verifying_store))
    assert http.get(url).status_code == 403


def test_the_base_credentials_can_read_no_object(
    verifying_store: Store, http: httpx.Client
) -> None:
    key = stored_by_root(verifying_store)
    url = presign(verifying_store, base_credentials(verifying_store), "get_object", key)
    assert http.get(url).status_code == 403


def test_the_role_reaches_no_other_bucket(verifying_store: Store, http: httpx.Client) -> None:
    place = {"LocationConstraint": verifying_store.region}
    bucket = f"elsewhere-{uuid4()}"
    verifying_store.admin_client().create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    session = assume_role(verifying_store)
    url = presign(verifying_store, session, "put_object", "key", bucket=bucket)
    assert http.put(url, content=b"x").status_code == 403


def test_a_session_policy_narrows_the_role(verifying_store: Store, http: httpx.Client) -> None:
    inside, outside = stored_by_root(verifying_store), stored_by_root(verifying_store)
    resource = f"arn:aws:s3:::{verifying_store.bucket}/{inside}"
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    narrowed = assume_role(verifying_store, Policy=policy)
    assert http.get(presign(verifying_store, narrowed, "get_object", inside)).status_code == 200
    assert http.get(presign(verifying_store, narrowed, "get_object", outside)).status_code == 403


def test_a_session_may_carry_tags(store: Store) -> None:
    assert assume_role(store, Tags=[{"Key": "team", "Value": "billing"}]).session_token


def test_a_session_can_be_as_short_as_the_store_allows(store: Store) -> None:
    assert assume_role(store, seconds=store.shortest_session_seconds).session_token


def test_seaweedfs_gives_no_shorter_session(seaweedfs: Store) -> None:
    with pytest.raises(ClientError, match="between 900 and 43200"):
        assume_role(seaweedfs, seconds=seaweedfs.shortest_session_seconds - 1)


@again_if_late
def test_a_url_dies_with_its_session(ministack: Store, http: httpx.Client) -> None:
    key, seconds = stored_by_root(ministack), 6
    with within(seconds):
        url = presign(ministack, assume_role(ministack, seconds=seconds), "get_object", key)
        assert http.get(url).status_code == 200
    time.sleep(seconds + 0.1)
    old = http.get(url)
    assert old.status_code == 400
    assert "<Code>ExpiredToken</Code>" in old.text


def test_the_versioned_bucket_keeps_old_versions(store: Store) -> None:
    where = {"Bucket": store.versioned_bucket, "Key": f"stores/{uuid4()}"}
    admin = store.admin_client()
    first = admin.put_object(**where, Body=b"first")["VersionId"]
    admin.put_object(**where, Body=b"second")
    assert admin.get_object(**where, VersionId=first)["Body"].read() == b"first"
    assert admin.get_object(**where)["Body"].read() == b"second"


def test_a_browser_may_send_signed_requests(store: Store, http: httpx.Client) -> None:
    preflight = {"origin": "https://app.example", "access-control-request-method": "PUT"}
    answer = http.options(f"{store.endpoint_url}/{store.bucket}/key", headers=preflight)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] in {"*", "https://app.example"}


def test_a_store_shows_no_secret(store: Store) -> None:
    assert store.secret_access_key not in repr(store)


def test_a_store_that_fails_to_start_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    with (
        pytest.raises(StartError, match="no such thing"),
        processes.run_process(command, tmp_path, "http://127.0.0.1:9"),
    ):
        pytest.fail("it never ran")


def test_a_missing_ministack_fails_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRESIGN_TEST_MINISTACK", str(tmp_path / "python"))
    with pytest.raises(StartError, match="make test"), stores.ministack(tmp_path):
        pytest.fail("it never ran")


def test_children_that_ignore_sigterm_are_killed() -> None:
    script = "trap '' TERM; sleep 60 & echo up; wait"
    process = subprocess.Popen(
        ["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    with process.stdout as output:
        assert output.readline() == b"up\n"
        processes.stop_process(process)
        assert output.read() == b""  # the end of the pipe: no process holds it any more
