"""`presign_client.boto` and the service in front of stores that verify: boto3 without credentials."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import aioboto3
import boto3
import pytest
from botocore.config import Config

from presign_client import boto
from tests.docs.documents import commands
from tests.end_to_end.remote_signing import ALLOW
from tests.support.service import API_KEY, make_caller, run_service
from tests.support.stores import REGION, Store

MIB = 1024**2
NUMBERS = count()
CONFIG = Config(s3={"addressing_style": "path"}, proxies={})


@pytest.fixture(scope="module")
def signer(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    caller = make_caller("tests", API_KEY, "boto/", "2026/", allow=ALLOW)
    with run_service(verifying_store, tmp_path_factory.mktemp("boto"), callers=[caller]) as service:
        yield str(service.client.base_url)


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def where(verifying_store: Store) -> dict[str, Any]:
    return {
        "endpoint_url": verifying_store.endpoint_url,
        "region_name": REGION,
        "config": CONFIG,
    }


@pytest.fixture
def client(signer: str, where: dict[str, Any]) -> Iterator[Any]:
    session = boto3.Session()
    boto.install(session, signer, API_KEY)
    client = session.client("s3", **where)
    yield client
    client.close()


@pytest.fixture
def prefix() -> str:
    return f"boto/{next(NUMBERS)} ü+/"


def test_objects_go_up_come_down_and_are_deleted(
    client: Any, verifying_store: Store, prefix: str
) -> None:
    bucket, keys = verifying_store.bucket, [f"{prefix}{each}" for each in ("a", "b", "c=&?%")]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"12345", Metadata={"author": "ann"})

    listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    assert [each["Key"] for each in listed["Contents"]] == sorted(keys)
    assert client.head_object(Bucket=bucket, Key=keys[0])["Metadata"] == {"author": "ann"}
    part = client.get_object(Bucket=bucket, Key=keys[2], Range="bytes=1-3")
    assert part["Body"].read() == b"234"

    deleted = client.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": each} for each in keys]}
    )
    assert len(deleted["Deleted"]) == len(keys)
    assert [verifying_store.content(each) for each in keys] == [None] * len(keys)


def test_a_large_file_goes_up_in_parts(
    client: Any, verifying_store: Store, prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(9 * MIB))

    client.upload_file(str(file), verifying_store.bucket, f"{prefix}large")

    assert verifying_store.head(f"{prefix}large")["ETag"].endswith('-2"')
    client.download_file(verifying_store.bucket, f"{prefix}large", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()


def test_the_example_needs_no_credentials(
    signer: str, verifying_store: Store, tmp_path: Path
) -> None:
    [block] = [each for each in commands("docs/clients.md") if "boto.install" in each.text]
    (tmp_path / "q3.csv").write_bytes(b"12345")

    done = subprocess.run(
        [sys.executable, "-c", block.text.replace("acme-reports", verifying_store.bucket)],
        cwd=tmp_path,
        env={
            "PRESIGN_URL": signer,
            "PRESIGN_TOKEN": API_KEY,
            "AWS_ENDPOINT_URL_S3": verifying_store.endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")
    assert verifying_store.content("2026/q3.csv") == b"12345"


async def test_coroutines_go_up_and_come_down(
    signer: str, where: dict[str, Any], verifying_store: Store, prefix: str
) -> None:
    session, place = aioboto3.Session(), {"Bucket": verifying_store.bucket, "Key": f"{prefix}a"}
    boto.install(session, signer, API_KEY)

    async with session.client("s3", **where) as client:
        await client.put_object(**place, Body=b"12345")
        found = await client.get_object(**place)
        assert await found["Body"].read() == b"12345"
