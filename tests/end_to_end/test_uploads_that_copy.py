"""No upload becomes a copy of what its caller may read, whatever unsigned header is added to it."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from service.config.key_files import new_key
from tests.end_to_end.remote_signing import sign as sign_headers
from tests.support.service import (
    API_KEY,
    RunningService,
    SignedRequest,
    make_caller,
    run_service,
    send,
)
from tests.support.stores import BODY, Store

ALLOW: Final = ["download", "head", "check", "upload", "form", "multipart", "link", "sign", "list"]
SECRET: Final = b"what the caller may read, and the holder of an upload URL may not"
SECRET_KEY: Final = "mine/secret.txt"
SPELLINGS: Final = ("/{}/mine/secret.txt", "{}/mine/secret.txt", "{}/mine%2Fsecret.txt")
NAMES: Final = ("x-amz-copy-source", "X-Amz-Copy-Source")
HEADERS: Final = [(NAMES[0], each) for each in SPELLINGS] + [(NAMES[1], SPELLINGS[0])]


@pytest.fixture(name="service", scope="module")
def _service(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A caller that reads and uploads below `mine/`, and copies."""
    directory = tmp_path_factory.mktemp("copying-uploads")
    (directory / "links.key").write_text(new_key(b"k" * 32))
    top = {
        "links": {"keys": [str(directory / "links.key")]},
        "server": {"drain_seconds": 0, "public_url": "https://files.example.com"},
    }
    callers = [make_caller("tests", API_KEY, "mine/", allow=ALLOW)]
    verifying_store.put(SECRET_KEY, SECRET)
    with run_service(
        verifying_store, directory, callers=callers, top=top, conditional_copies=True
    ) as running:
        yield running


@pytest.fixture(name="key")
def _key() -> str:
    return f"mine/{uuid.uuid4().hex}"


def by_upload_url(service: RunningService, _: Store, key: str) -> SignedRequest:
    return service.sign("upload-urls", key=key, content_length=len(BODY))


def by_object_url(service: RunningService, _: Store, key: str) -> SignedRequest:
    headers = {"If-None-Match": "*", "Content-Length": str(len(BODY))}
    answer = service.client.put(f"/o/objects/{key}", headers=headers, content=BODY)
    assert answer.status_code == 307, answer.text
    return SignedRequest("PUT", answer.headers["location"], {"if-none-match": "*"}, {})


def by_remote_signing(service: RunningService, store: Store, key: str) -> SignedRequest:
    uri = f"{store.endpoint_url}/{store.bucket}/{key}"
    headers = {"content-length": str(len(BODY)), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    return SignedRequest("PUT", uri, sign_headers(service, "PUT", uri, headers), {})


def by_part(service: RunningService, _: Store, key: str) -> SignedRequest:
    return service.first_part(key, content_length=len(BODY))


def by_drop_box(service: RunningService, _: Store, key: str) -> SignedRequest:
    link = {"bucket": "objects", "prefix": f"{key}/", "operations": ["upload"]}
    path = urlsplit(service.client.post("/v1/links", json=link).json()["url"]).path
    headers = {"Content-Length": str(len(BODY))}
    answer = service.client.put(f"{path}/a.txt", headers=headers, content=BODY)
    assert answer.status_code == 307, answer.text
    return SignedRequest("PUT", answer.headers["location"], {}, {})


Door = Callable[[RunningService, Store, str], SignedRequest]
DOORS: Final[Mapping[str, Door]] = {
    "an upload URL": by_upload_url,
    "an object URL": by_object_url,
    "a remote signature": by_remote_signing,
    "a part": by_part,
    "a drop box": by_drop_box,
}


def stored(store: Store, prefix: str) -> list[bytes | None]:
    """Return the content of the objects below a prefix."""
    admin = store.admin_client()
    listed = admin.list_objects_v2(Bucket=store.bucket, Prefix=prefix).get("Contents", [])
    return [store.content(each["Key"]) for each in listed]


def parts(store: Store, key: str) -> list[int]:
    """Return the lengths of the parts of uploads that begin with a key."""
    admin = store.admin_client()
    uploads = admin.list_multipart_uploads(Bucket=store.bucket, Prefix=key).get("Uploads", [])
    return [
        part["Size"]
        for upload in uploads
        for part in admin.list_parts(
            Bucket=store.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
        ).get("Parts", [])
    ]


@pytest.mark.parametrize("added", HEADERS)
@pytest.mark.parametrize("door", DOORS)
def test_an_upload_with_a_source_copies_nothing(
    service: RunningService, verifying_store: Store, key: str, door: str, added: tuple[str, str]
) -> None:
    header, source = added
    signed = DOORS[door](service, verifying_store, key)
    headers = {**signed.headers, header: source.format(verifying_store.bucket)}
    answer = send(replace(signed, headers=headers), BODY)
    assert answer.status_code == 403, answer.text
    assert stored(verifying_store, key) == []
    assert parts(verifying_store, key) == []


@pytest.mark.parametrize("door", DOORS)
def test_the_same_upload_without_a_source_works(
    service: RunningService, verifying_store: Store, key: str, door: str
) -> None:
    answer = send(DOORS[door](service, verifying_store, key), BODY)
    assert answer.status_code == 200, answer.text
    found = [*stored(verifying_store, key), *parts(verifying_store, key)]
    assert found == [len(BODY) if door == "a part" else BODY]


def test_a_form_with_a_source_copies_nothing(
    service: RunningService, verifying_store: Store, key: str
) -> None:
    made = service.post("upload-forms", key_prefix=f"{key}/", max_content_length=len(BODY))
    source = SPELLINGS[0].format(verifying_store.bucket)
    files = {"file": ("name.txt", BODY, "text/plain")}
    for fields, headers in (({}, {NAMES[0]: source}), ({NAMES[0]: source}, {})):
        with httpx.Client(trust_env=False, timeout=30) as client:
            data = {**made["fields"], **fields}
            client.post(made["url"], data=data, files=files, headers=headers)
    assert SECRET not in stored(verifying_store, key)


def test_a_copy_url_copies(service: RunningService, verifying_store: Store, key: str) -> None:
    answer = send(service.sign("copy-urls", key=key, source={"key": SECRET_KEY}))
    assert answer.status_code == 200, answer.text
    assert verifying_store.content(key) == SECRET


def test_a_remote_signature_copies(
    service: RunningService, verifying_store: Store, key: str
) -> None:
    uri = f"{verifying_store.endpoint_url}/{verifying_store.bucket}/{key}"
    source = {NAMES[0]: SPELLINGS[1].format(verifying_store.bucket)}
    answer = send(SignedRequest("PUT", uri, sign_headers(service, "PUT", uri, source), {}))
    assert answer.status_code == 200, answer.text
    assert verifying_store.content(key) == SECRET


@pytest.mark.parametrize("matches", [True, False])
def test_a_session_that_cannot_read_keeps_the_conditions(
    service: RunningService, verifying_store: Store, key: str, *, matches: bool
) -> None:
    """`If-Match` and `If-None-Match` ask for no right to read."""
    new: dict[str, Any] = {"key": key, "content_length": len(BODY)}
    for status in (200, 412):
        assert send(service.sign("upload-urls", **new), BODY).status_code == status
    etag = verifying_store.head(key)["ETag"] if matches else '"0123456789abcdef0123456789abcdef"'
    changed = service.sign("upload-urls", **new, if_match=etag)
    assert send(changed, BODY[::-1]).status_code == (200 if matches else 412)
    assert verifying_store.content(key) == (BODY[::-1] if matches else BODY)


def test_an_upload_is_checked_by_the_session_that_reads(
    service: RunningService, verifying_store: Store, key: str
) -> None:
    assert send(by_upload_url(service, verifying_store, key), BODY).status_code == 200
    assert service.post("object-checks", key=key)["content_length"] == len(BODY)
