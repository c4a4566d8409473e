"""Versions are listed page by page, read, and a deleted object comes back, on every store."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from presign_client import Presign
from tests.support.service import API_KEY, RunningService, make_caller, run_service, send
from tests.support.stores import Store

# moto 5.2.5 has all delete markers after all versions, and loses some of them between pages.
NAMES: Final = ["a b.txt", "c+d.txt", "caf\u00e9.txt"]


@pytest.fixture(name="paged", scope="module")
def _paged(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """The service, whose listings have two entries a page."""
    caller = make_caller("tests", API_KEY, "")
    caller["grants"] = [{**grant, "max_keys": 2} for grant in caller["grants"]]
    directory = tmp_path_factory.mktemp("versions")
    with run_service(verifying_store, directory, callers=[caller]) as service:
        yield service


@pytest.fixture(name="prefix")
def _prefix() -> str:
    return f"versions/{uuid.uuid4().hex}/"


def versions(service: RunningService, prefix: str, **query: str) -> list[dict[str, Any]]:
    """Return those of all pages."""
    asked, found = {"bucket": "versions", "prefix": prefix, **query}, list[dict[str, Any]]()
    for _ in range(20):
        page = service.client.get("/v1/object-versions", params=asked).raise_for_status().json()
        found += page["versions"]
        if "next" not in page:
            return found
        asked["after"] = page["next"]
    raise AssertionError("there is no last page")


def test_a_deleted_object_comes_back_without_its_marker(
    service: RunningService, store: Store, prefix: str
) -> None:
    key = f"{prefix}a b.txt"
    first = store.put(key, b"first", bucket=store.versioned_bucket)
    second = store.put(key, b"second", bucket=store.versioned_bucket)
    send(service.sign("delete-urls", bucket="versions", key=key))
    found = {each["version_id"]: each for each in versions(service, key)}
    assert {first: found[first].get("size"), second: found[second].get("size")} == {
        first: len(b"first"),
        second: len(b"second"),
    }
    [marker] = [each for each in found.values() if each["is_delete_marker"]]
    assert (marker["key"], marker["is_latest"]) == (key, True)
    version = {"version_id": marker["version_id"]}
    assert send(service.sign("delete-urls", bucket="versions", key=key, **version)).is_success
    assert send(service.sign("download-urls", bucket="versions", key=key)).content == b"second"


def test_every_version_is_on_some_page(
    paged: RunningService, verifying_store: Store, prefix: str
) -> None:
    bucket, written = verifying_store.versioned_bucket, list[tuple[str, str]]()
    for name in NAMES:
        ids = [verifying_store.put(prefix + name, bucket=bucket) for _ in range(3)]
        written += [(prefix + name, version) for version in reversed(ids)]
    verifying_store.put(f"{prefix}folder/below", bucket=bucket)
    found = versions(paged, prefix, delimiter="/")
    assert [(each["key"], each["version_id"]) for each in found] == written
    latest = [each["version_id"] for each in found if each["is_latest"]]
    assert latest == [version for _, version in written[::3]]


def test_the_client_gets_and_removes_versions(
    paged: RunningService, verifying_store: Store, prefix: str, tmp_path: Path
) -> None:
    bucket, key = verifying_store.versioned_bucket, f"{prefix}a"
    verifying_store.put(key, b"first", bucket=bucket)
    verifying_store.put(key, b"second", bucket=bucket)
    verifying_store.put(f"{key}/below", bucket=bucket)
    with Presign(str(paged.client.base_url), API_KEY) as client:
        client.delete("versions", key)
        marker, second, first = client.versions("versions", key)
        assert (marker.is_delete_marker, second.size, first.size) == (True, 6, 5)
        client.download("versions", key, tmp_path / "a", version_id=first.version_id)
        client.delete("versions", key, version_id=marker.version_id)
        assert [each.is_latest for each in client.versions("versions", key)] == [True, False]
    assert (tmp_path / "a").read_bytes() == b"first"


def test_the_client_finds_the_marker_beside_a_longer_key(
    service: RunningService, store: Store, prefix: str
) -> None:
    bucket, key = store.versioned_bucket, f"{prefix}a.csv"
    store.put(key, b"first", bucket=bucket)
    store.put(f"{key}.bak", bucket=bucket)
    with Presign(str(service.client.base_url), API_KEY) as client:
        client.delete("versions", key)
        marker, first = client.versions("versions", key)
    assert (marker.is_delete_marker, marker.is_latest, first.size) == (True, True, 5)


def test_without_versioning_there_is_one_version(
    service: RunningService, store: Store, prefix: str
) -> None:
    store.put(f"{prefix}a")
    query = {"bucket": "objects", "prefix": prefix}
    page = service.client.get("/v1/object-versions", params=query).json()
    assert [each["version_id"] for each in page["versions"]] == ["null"]
