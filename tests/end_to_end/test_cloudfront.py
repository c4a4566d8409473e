"""Delivery by CloudFront: the service in front of MiniStack, and a double of CloudFront between them."""

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import pytest

from presign_client import Presign
from tests.support.cloudfront import (
    KEY_ID,
    pem,
    query_of,
    rsa_key,
)
from tests.support.cloudfront_double import Distribution
from tests.support.delivered import MONTH, run_delivered
from tests.support.service import API_KEY, RunningService
from tests.support.stores import BODY, Store

NAMES: Final = [
    "a.ts",
    "a b.ts",
    "a+b.ts",
    "café/日本.ts",
    "x%2Fy.ts",
    "a//b.ts",
    "a*b?c.ts",
    "(a)'!.ts",
]


@pytest.fixture(name="directory", scope="module")
def _directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloudfront")


@pytest.fixture(name="delivered", scope="module")
def _delivered(ministack: Store, directory: Path) -> Iterator[tuple[RunningService, Distribution]]:
    with run_delivered(ministack, directory) as running:
        yield running


@pytest.fixture(name="service", scope="module")
def _service(delivered: tuple[RunningService, Distribution]) -> RunningService:
    return delivered[0]


@pytest.fixture(name="edge", scope="module")
def _edge(delivered: tuple[RunningService, Distribution]) -> Distribution:
    return delivered[1]


@pytest.fixture(name="prefix")
def _prefix() -> str:
    return f"films/{uuid.uuid4().hex}/"


def curl(*arguments: str) -> bytes:
    command = ["curl", "--silent", "--show-error", "--globoff", "--path-as-is", *arguments]
    return subprocess.run(command, capture_output=True, timeout=30, check=True).stdout


@pytest.mark.parametrize("name", NAMES)
def test_curl_downloads_each_key(
    service: RunningService, ministack: Store, prefix: str, name: str
) -> None:
    ministack.put(prefix + name)
    signed = service.sign("download-urls", key=prefix + name)
    assert curl(signed.url) == BODY
    assert curl("--range", "7-", signed.url) == BODY[7:]


def test_an_uploaded_object_is_downloaded_from_the_edge(
    service: RunningService, edge: Distribution, prefix: str
) -> None:
    """The upload stays S3's."""
    put = service.sign("upload-urls", key=f"{prefix}new", content_length=len(BODY))
    assert not put.url.startswith(edge.origin)
    assert httpx.put(put.url, content=BODY, headers=put.headers, trust_env=False).status_code == 200
    answer = service.client.get(f"/o/objects/{prefix}new", follow_redirects=True)
    assert (answer.content, answer.url.port) == (BODY, int(edge.origin.rpartition(":")[2]))


def test_a_url_writes_and_deletes_nothing(
    service: RunningService, ministack: Store, prefix: str
) -> None:
    ministack.put(f"{prefix}kept")
    url = service.sign("download-urls", key=f"{prefix}kept").url
    for method in ("PUT", "DELETE", "POST"):
        assert httpx.request(method, url, content=b"x", trust_env=False).status_code == 403
    assert ministack.content(f"{prefix}kept") == BODY


def test_a_url_of_a_month_outlives_its_sessions(
    service: RunningService, edge: Distribution, ministack: Store, prefix: str
) -> None:
    ministack.put(f"{prefix}long")
    signed = service.sign("download-urls", key=f"{prefix}long", expires_in=MONTH)
    assert "limited_by" not in signed.answer
    end, now = int(query_of(signed.url)["Expires"]), edge.now
    try:
        edge.now = lambda: end - 1  # no session of a store lasts as long
        assert curl(signed.url) == BODY
        edge.now = lambda: end
        assert httpx.get(signed.url, trust_env=False).status_code == 403
    finally:
        edge.now = now


def test_cookies_play_a_film_and_nothing_else(
    service: RunningService, ministack: Store, prefix: str
) -> None:
    for name in ("a b/1.ts", "a b/2.ts", "a b/3.ts", "a c/1.ts"):
        ministack.put(prefix + name, name.encode())
    signed = service.post("cookies", prefix=f"{prefix}a b/")
    cookie = "; ".join(f"{name}={value}" for name, value in signed["cookies"].items())
    for name in ("1.ts", "2.ts", "3.ts"):
        assert curl("--cookie", cookie, f"{signed['url']}{name}") == f"a b/{name}".encode()
    neighbour = signed["url"].replace(quote("a b"), quote("a c"))
    assert b"AccessDenied" in curl("--cookie", cookie, f"{neighbour}1.ts")
    # CloudFront passes a path on as it is, and a key of S3 has no segments to remove.
    assert b"NoSuchKey" in curl("--cookie", cookie, f"{signed['url']}../a%20c/1.ts")
    assert b"MissingKey" in curl(f"{signed['url']}1.ts")


def test_the_client_downloads_from_the_edge(
    service: RunningService, edge: Distribution, ministack: Store, prefix: str, tmp_path: Path
) -> None:
    """In ranges, and with the cookies of its own call."""
    body = bytes(range(256)) * 40_000
    ministack.put(f"{prefix}large", body)
    before = len(edge.served)
    with Presign(str(service.client.base_url), API_KEY) as presign:
        presign.download("objects", f"{prefix}large", tmp_path / "large")
        signed = presign.cookies("objects", prefix, expires_in=60)
    assert (tmp_path / "large").read_bytes() == body
    assert len(edge.served) > before
    with httpx.Client(cookies=dict(signed.cookies), trust_env=False) as browser:
        assert browser.get(f"{signed.url}large").content == body


def test_a_new_first_key_signs_and_the_old_urls_still_work(
    service: RunningService, edge: Distribution, ministack: Store, prefix: str, directory: Path
) -> None:
    """CloudFront accepts each key of its group. The configuration is read every two seconds."""
    ministack.put(f"{prefix}a")
    old = service.sign("download-urls", key=f"{prefix}a").url
    (directory / "next.pem").write_bytes(pem(rsa_key()))
    edge.keys = {**edge.keys, "K3NEXT": rsa_key().public_key()}
    configuration = directory / "presign.yaml"
    document = json.loads(configuration.read_text())
    key = {"id": "K3NEXT", "private_key_file": str(directory / "next.pem")}
    document["buckets"]["objects"]["cloudfront"]["keys"].insert(0, key)
    configuration.write_text(json.dumps(document))
    until = time.monotonic() + 60
    new = old
    while query_of(new)["Key-Pair-Id"] == KEY_ID:
        assert time.monotonic() < until
        time.sleep(0.2)
        new = service.sign("download-urls", key=f"{prefix}a").url
    assert (curl(new), curl(old)) == (BODY, BODY)
    group = edge.keys
    edge.keys = {"K3NEXT": group["K3NEXT"]}  # the old key leaves it: that ends its URLs
    assert b"InvalidKey" in curl(old)
    assert curl(new) == BODY
    edge.keys = group
