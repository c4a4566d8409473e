"""boto3 with the two variables of container credentials, in front of both verifying stores."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.stores import BODY, Store

ALLOW: Final = ("download", "upload", "multipart", "delete", "list", "credentials")
VARIABLES: Final = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
PART: Final = 5 * 1024 * 1024  # bytes: the least for a part


@pytest.fixture(name="vending", scope="module")
def _vending(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    callers = [make_caller("a", API_KEY, "a/", allow=ALLOW)]
    with run_service(verifying_store, tmp_path_factory.mktemp("vending"), callers=callers) as run:
        yield run


@pytest.fixture(name="s3")
def _s3(
    vending: RunningService,
    verifying_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Any]:
    """A client of boto3 that knows where the store is, and where credentials are."""
    token = tmp_path / "token"
    token.write_text(API_KEY)
    query = getattr(request, "param", "")
    uri = str(vending.client.base_url.join(f"/v1/credentials/objects{query}"))
    for name, value in zip(VARIABLES, (uri, str(token)), strict=True):
        monkeypatch.setenv(name, value)
    where = {"endpoint_url": verifying_store.endpoint_url, "region_name": verifying_store.region}
    with closing(boto3.Session().client("s3", **where)) as client:
        yield client


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    code: str = error.value.response["Error"]["Code"]
    return code


def test_boto3_uses_its_own_prefix(s3: Any, verifying_store: Store, name: str) -> None:
    key, bucket = f"a/{name}", verifying_store.bucket
    s3.put_object(Bucket=bucket, Key=key, Body=BODY)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == BODY
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(BODY)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"a/{name}")
    assert [each["Key"] for each in listed["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert verifying_store.content(key) is None


def test_boto3_uploads_in_parts(s3: Any, verifying_store: Store, name: str, tmp_path: Path) -> None:
    file, key = tmp_path / name, f"a/{name}"
    file.write_bytes(os.urandom(2 * PART))
    settings = boto3.s3.transfer.TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.upload_file(str(file), verifying_store.bucket, key, Config=settings)
    assert verifying_store.content(key) == file.read_bytes()


def test_the_store_refuses_the_neighbours_prefix(
    s3: Any, verifying_store: Store, name: str
) -> None:
    key, bucket = f"b/{name}", verifying_store.bucket
    verifying_store.put(key, b"untouched")
    assert refused(s3.get_object, Bucket=bucket, Key=key) == "AccessDenied"
    assert refused(s3.put_object, Bucket=bucket, Key=key, Body=BODY) == "AccessDenied"
    assert refused(s3.delete_object, Bucket=bucket, Key=key) == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket=bucket, Prefix="b/") == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert verifying_store.content(key) == b"untouched"


@pytest.mark.parametrize("s3", ["?prefix=a/narrow/&permission=READ"], indirect=True)
def test_narrowed_credentials_do_no_more(s3: Any, verifying_store: Store, name: str) -> None:
    bucket, inside, outside = verifying_store.bucket, f"a/narrow/{name}", f"a/{name}"
    verifying_store.put(inside)
    verifying_store.put(outside)
    assert s3.get_object(Bucket=bucket, Key=inside)["Body"].read() == BODY
    assert refused(s3.get_object, Bucket=bucket, Key=outside) == "AccessDenied"
    assert refused(s3.put_object, Bucket=bucket, Key=inside, Body=b"") == "AccessDenied"
