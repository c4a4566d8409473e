"""Copies on every store, sent exactly as answered."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from presign_client import Presign, PresignError
from presign_client.filesystem import PresignFileSystem
from tests.end_to_end.test_operations import KEYS, put
from tests.support.service import API_KEY, RunningService, make_caller, run_service, send
from tests.support.stores import BODY, Store

# MiniStack 1.5.33 ignores If-None-Match of a copy. An entry fails once it does not.
# SeaweedFS 4.48 has no content under a key that ends in a slash, and refuses a backslash.
TAKEN_BY_ALL = [name for name in KEYS[:-1] if not name.endswith("/") and "\\" not in name]
IGNORES_CREATE_ONLY = {"ministack"}


@pytest.fixture(name="copying", scope="module")
def _copying(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A caller that may read below `keys/`, and write there and below `copies/`."""
    callers = make_caller("tests", "end-to-end", "keys/", "copies/")
    directory = tmp_path_factory.mktemp("copying")
    with run_service(store, directory, callers=[callers], conditional_copies=True) as running:
        yield running


def copy(copying: RunningService, key: str, source: str, **more: Any) -> httpx.Response:
    of = {name: more.pop(name) for name in ("etag", "version_id", "bucket") if name in more}
    return send(copying.sign("copy-urls", key=key, source={"key": source, **of}, **more))


@pytest.mark.parametrize("name", TAKEN_BY_ALL)
def test_a_copy_keeps_type_metadata_and_tags(
    copying: RunningService, store: Store, name: str
) -> None:
    """Whatever is in its key."""
    source = f"keys/{uuid.uuid4().hex}/{name}"
    more: dict[str, Any] = {
        "metadata": {"author": "Ann"},
        "content_type": "text/csv",
        "tags": {"team": "a b"},
    }
    assert put(copying, source, **more).status_code == 200
    target = f"copies/{uuid.uuid4().hex}/{name}"
    answer = copy(copying, target, source, etag=store.head(source)["ETag"])
    assert answer.status_code == 200, answer.text
    assert "CopyObjectResult" in answer.text
    head = store.head(target)
    assert (head["ContentType"], head["Metadata"]) == ("text/csv", {"author": "Ann"})
    assert store.content(target) == BODY
    tags = store.admin_client().get_object_tagging(Bucket=store.bucket, Key=target)["TagSet"]
    assert tags == [{"Key": "team", "Value": "a b"}]


def test_a_copy_overwrites_only_on_request(copying: RunningService, store: Store, key: str) -> None:
    store.put(key, b"new")
    target = key.replace("keys/", "copies/")
    store.put(target, b"old")
    answer = copy(copying, target, key)
    refused = answer.status_code == 412
    assert refused is (store.name not in IGNORES_CREATE_ONLY), answer.text
    assert store.content(target) == (b"old" if refused else b"new")
    assert copy(copying, target, key, overwrite=True).status_code == 200
    assert store.content(target) == b"new"


def test_a_source_that_has_changed_is_not_copied(
    copying: RunningService, store: Store, key: str
) -> None:
    store.put(key, b"old")
    etag = store.head(key)["ETag"]
    store.put(key, b"new")
    target = key.replace("keys/", "copies/")
    answer = copy(copying, target, key, etag=etag)
    assert answer.status_code == 412, answer.text
    assert store.content(target) is None


def test_the_client_tells_a_changed_source_from_a_taken_target(
    copying: RunningService, store: Store, key: str
) -> None:
    """SeaweedFS and MiniStack do not name the condition that failed."""
    store.put(key, b"old")
    etag = store.head(key)["ETag"]
    taken = key.replace("keys/", "copies/")
    store.put(taken, b"other")
    with Presign(str(copying.client.base_url), API_KEY) as client:
        if store.name not in IGNORES_CREATE_ONLY:
            assert refusal(client, key, taken, etag) == "object_exists"
        store.put(key, b"new")
        assert refusal(client, key, f"{taken}-free", etag) == "source_changed"
    assert store.content(taken) == b"other"
    assert store.content(f"{taken}-free") is None


def refusal(client: Presign, key: str, target: str, etag: str) -> str:
    with pytest.raises(PresignError) as caught:
        client.copy("objects", key, target, etag=etag)
    return caught.value.code


def test_a_copy_between_two_buckets_of_a_role(
    copying: RunningService, store: Store, key: str
) -> None:
    store.put(key, bucket=store.versioned_bucket)
    answer = copy(copying, key, key, bucket="versions")
    assert answer.status_code == 200, answer.text
    assert store.content(key) == BODY


def test_an_older_version_becomes_the_newest_one(
    copying: RunningService, store: Store, key: str
) -> None:
    """All others are kept, and a deletion among them."""
    admin, place = store.admin_client(), {"Bucket": store.versioned_bucket, "Key": key}
    older = store.put(key, b"older", bucket=store.versioned_bucket)
    store.put(key, b"newer", bucket=store.versioned_bucket)
    for count in (3, 4):
        signed = copying.sign(
            "copy-urls",
            bucket="versions",
            key=key,
            source={"key": key, "version_id": older},
            overwrite=True,
        )
        answer = send(signed)
        assert answer.status_code == 200, answer.text
        assert admin.get_object(**place)["Body"].read() == b"older"
        kept = admin.list_object_versions(Bucket=store.versioned_bucket, Prefix=key)
        assert len(kept["Versions"]) == count
        admin.delete_object(**place)


def test_fsspec_moves_a_file_and_a_folder(copying: RunningService, store: Store, key: str) -> None:
    files = PresignFileSystem(str(copying.client.base_url), API_KEY, skip_instance_cache=True)
    names = {"a.csv": b"a", "q3/b ü.csv": b"b"}
    for name, content in names.items():
        store.put(f"{key}/{name}", content)

    files.mv(f"presign://objects/{key}/a.csv", f"presign://objects/{key}/c.csv")
    files.mv(f"objects/{key}", f"objects/{key}-moved", recursive=True)

    assert store.content(f"{key}-moved/c.csv") == b"a"
    assert store.content(f"{key}-moved/q3/b ü.csv") == b"b"
    assert [store.content(f"{key}/{name}") for name in (*names, "c.csv")] == [None] * 3


def test_fsspec_replaces_a_target_only_on_request(
    copying: RunningService, store: Store, key: str
) -> None:
    files = PresignFileSystem(str(copying.client.base_url), API_KEY, skip_instance_cache=True)
    store.put(key, b"new")
    store.put(f"{key}.old", b"old")
    if store.name not in IGNORES_CREATE_ONLY:
        with pytest.raises(FileExistsError):
            files.mv(f"objects/{key}", f"objects/{key}.old")
    files.overwrite = True

    files.mv(f"objects/{key}", f"objects/{key}.old")

    assert (store.content(key), store.content(f"{key}.old")) == (None, b"new")


@pytest.mark.parametrize("header", ["x-amz-copy-source", "x-amz-copy-source-if-match"])
def test_a_copy_of_something_else_is_refused(
    copying: RunningService, store: Store, key: str, header: str
) -> None:
    """The source and its ETag are signed."""
    store.put(key)
    store.put("secret/a", b"secret")
    signed = copying.sign("copy-urls", key=f"{key}.2", source={"key": key, "etag": "e"})
    headers = {**signed.headers, header: f"{store.bucket}/secret/a"}
    assert send(signed, headers=headers).status_code == 403
    assert store.content(f"{key}.2") is None
