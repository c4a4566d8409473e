"""A pull request tries each door of the service to what others read: none opens."""

from typing import Any, Final

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.clients.build_caches.caches import (
    OTHERS,
    PULL,
    TRUSTED,
    CacheService,
    caller,
    grant,
    serve,
    writing,
)
from tests.support.stores import Store

ARTIFACT: Final = f"{TRUSTED}nx/abc"
OWN: Final = f"{OTHERS}9/nx/abc"
GOOD: Final = b"what the main branch has built"
BAD: Final = b"poison"
EVERYTHING: Final = "the-key-of-a-pull-request-with-every-door"


@pytest.fixture(scope="module", name="caches")
def _caches(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The pull request may also copy, sign and have credentials where it writes."""
    more = ("sign", "credentials", "list", "delete", "form", "multipart", "link")
    own = writing(f"{OTHERS}9/")
    own["allow"] = [*own["allow"], *more]
    trusted = grant(TRUSTED, "download", "check", "list", "sign", "credentials")
    pull = caller("pull-9", EVERYTHING, trusted, own)
    with serve(verifying_store, tmp_path_factory.mktemp("service"), pull) as running:
        yield running


@pytest.fixture(name="client")
def _client(caches: CacheService) -> Any:
    caches.empty()
    caches.store.put(ARTIFACT, GOOD)
    headers = {"Authorization": f"Bearer {EVERYTHING}"}
    with httpx.Client(base_url=caches.url, headers=headers, trust_env=False, timeout=30) as client:
        yield client
    assert caches.store.content(ARTIFACT) == GOOD
    assert [each for each in caches.keys(TRUSTED) if each != ARTIFACT] == []


@pytest.mark.parametrize("name", ["abc", "new"])
def test_the_cache_itself(client: httpx.Client, name: str) -> None:
    answer = client.put(f"/caches/web/v1/cache/{name}", content=BAD)
    if name == "abc":
        assert answer.status_code == 409
        return
    location = answer.headers["location"]
    assert f"/{OTHERS}9/nx/new?" in location
    moved = location.replace(f"/{OTHERS}9/", f"/{TRUSTED}")
    headers = {"Content-Type": "application/octet-stream"}
    assert (
        httpx.put(moved, content=BAD, headers=headers, trust_env=False, timeout=60).status_code
        == 403
    )


@pytest.mark.parametrize("name", ["abc", "new"])
def test_the_preflight(client: httpx.Client, name: str) -> None:
    headers = {"Access-Control-Request-Method": "PUT"}
    path = f"/caches/web/v8/artifacts/{name}"
    location = client.request("OPTIONS", path, headers=headers).headers["location"]
    moved = location.replace(f"/{OTHERS}9/", f"/{TRUSTED}")
    headers = {"Content-Type": "application/octet-stream"}
    assert (
        httpx.put(moved, content=BAD, headers=headers, trust_env=False, timeout=60).status_code
        == 403
    )


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("PUT", f"/o/objects/{ARTIFACT}", {"content": BAD}),
        ("DELETE", f"/o/objects/{ARTIFACT}", {}),
        ("POST", "/v1/upload-urls", {"key": ARTIFACT, "content_length": 6, "overwrite": True}),
        ("POST", "/v1/upload-urls", {"key": f"{TRUSTED}nx/new", "content_length": 6}),
        ("POST", "/v1/upload-forms", {"key": ARTIFACT, "overwrite": True, "max_content_length": 6}),
        ("POST", "/v1/delete-urls", {"key": ARTIFACT}),
        ("POST", "/v1/multipart-uploads", {"key": ARTIFACT, "content_length": 6_000_000}),
        (
            "POST",
            "/v1/copy-urls",
            {"key": ARTIFACT, "source": {"bucket": "objects", "key": OWN}, "overwrite": True},
        ),
        ("POST", "/v1/links", {"prefix": TRUSTED, "operations": ["upload"]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_signed_requests(
    client: httpx.Client, caches: CacheService, method: str, path: str, more: dict[str, Any]
) -> None:
    caches.store.put(OWN, BAD)
    body = {"json": {"bucket": "objects", **more}} if path.startswith("/v1/") else more
    answer = client.request(method, path, **body)
    assert answer.status_code in {403, 404}, answer.text  # 404: there are no links


@pytest.mark.parametrize("copied", [False, True])
def test_remote_signatures(client: httpx.Client, caches: CacheService, *, copied: bool) -> None:
    store = caches.store
    uri = f"{caches.recorded.url}/{store.bucket}/{ARTIFACT}"
    source = {"x-amz-copy-source": [f"/{store.bucket}/{OWN}"]} if copied else {}
    body = {"region": store.region, "method": "PUT", "uri": uri, "headers": source}
    answer = client.post("/sign/objects/v1/aws/s3/sign", json=body)
    assert answer.status_code == 403, answer.text


def test_credentials(client: httpx.Client, caches: CacheService) -> None:
    caches.store.put(OWN, BAD)
    found = client.get("/v1/credentials/objects").json()
    s3 = boto3.client(
        "s3",
        endpoint_url=caches.store.endpoint_url,
        region_name=caches.store.region,
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["Token"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )
    at = {"Bucket": caches.store.bucket, "Key": ARTIFACT}
    source = {"Bucket": caches.store.bucket, "Key": OWN}
    for name, more in (
        ("put_object", {"Body": BAD}),
        ("copy_object", {"CopySource": source}),
        ("delete_object", {}),
        ("create_multipart_upload", {}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(s3, name)(**at, **more)


def test_another_pull_request(client: httpx.Client, caches: CacheService) -> None:
    caches.store.put(OWN, BAD)
    headers = {"Authorization": f"Bearer {PULL}"}
    hidden = OWN.rpartition("/")[2]
    caches.delete(ARTIFACT)
    assert client.get(f"/caches/web/v1/cache/{hidden}", headers=headers).status_code == 404
    caches.store.put(ARTIFACT, GOOD)
    assert client.get(f"/o/objects/{OWN}", headers=headers).status_code == 403
