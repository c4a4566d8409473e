"""What Uppy sends, by hand, to the service in its real process and to a store that verifies."""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.support.service import API_KEY, RunningService, make_caller, post_form, run_service
from tests.support.stores import Store

MIB: Final = 1024**2
MOST: Final = 12 * MIB
PART: Final = b"p" * (5 * MIB)
PDF: Final = {"filename": "bill ü.pdf", "type": "application/pdf"}


@pytest.fixture(name="uppy", scope="module")
def _uppy(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    grant = {
        "bucket": "objects",
        "prefix": "uppy/",
        "allow": ["form", "upload", "multipart"],
        "max_content_length": MOST,
        "content_types": ["application/pdf"],
    }
    callers = [{**make_caller("tests", API_KEY), "grants": [grant]}]
    section = {"uppy": {"bucket": "objects", "prefix": "uppy/{caller}/"}}
    directory = tmp_path_factory.mktemp("uppy")
    with run_service(ministack, directory, callers=callers, top=section) as service:
        yield service


@pytest.fixture(name="store", scope="module")
def _store(ministack: Store) -> Store:
    return ministack


def under_way(store: Store, key: str) -> bool:
    """Whether there is an upload of this key, which other tests' uploads have not."""
    listed = store.admin_client().list_multipart_uploads(Bucket=store.bucket, Prefix=key)
    return key in [each["Key"] for each in listed.get("Uploads", [])]


def send(
    signed: dict[str, Any], method: str, body: bytes = b"", kind: str | None = None
) -> httpx.Response:
    """As Uppy does: the headers that the answer asks for win over its own."""
    given = ({} if kind is None else {"content-type": kind}) | signed.get("headers", {})
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.request(method, signed["url"], content=body, headers=given)


def test_a_companion_form_is_accepted(uppy: RunningService, store: Store) -> None:
    reported = uppy.client.get("/uppy/s3/params", params=PDF).json()
    answer = post_form(reported["url"], reported["fields"], b"%PDF")
    assert answer.status_code == 201
    assert answer.headers["etag"]
    key = reported["fields"]["key"]
    assert (store.content(key), store.head(key)["ContentType"]) == (b"%PDF", "application/pdf")


@pytest.mark.parametrize("body", [b"%PDF", b"%PDF-", b"%PD"], ids=["as said", "longer", "shorter"])
def test_a_put_stores_a_file_of_the_length_that_was_signed(
    uppy: RunningService, store: Store, body: bytes
) -> None:
    file = {"key": "bill.pdf", "contentType": "application/pdf", "contentLength": 4}
    signed = uppy.client.post("/uppy/sign", json={"method": "PUT", **file}).json()
    answer = send(signed, "PUT", body)
    assert answer.status_code == (200 if len(body) == 4 else 403)
    assert store.content(signed["key"]) == (body if len(body) == 4 else None)


def test_a_companion_upload_completes(uppy: RunningService, store: Store) -> None:
    created = uppy.client.post("/uppy/s3/multipart", json=PDF).json()
    path, query = f"/uppy/s3/multipart/{created['uploadId']}", {"key": created["key"]}
    parts = []
    for number, body in ((1, PART), (2, b"end")):
        put = send(uppy.client.get(f"{path}/{number}", params=query).json(), "PUT", body)
        parts.append({"PartNumber": number, "ETag": put.headers["etag"]})
    listed = uppy.client.get(path, params=query).json()
    assert [(each["PartNumber"], each["Size"]) for each in listed] == [(1, len(PART)), (2, 3)]
    answer = uppy.client.post(f"{path}/complete", params=query, json={"parts": parts})
    assert answer.status_code == 200, answer.text
    assert answer.json()["location"].startswith(f"{store.endpoint_url}/{store.bucket}/uppy/_key/")
    assert store.content(created["key"]) == PART + b"end"


class Signing:
    """A multipart upload as Uppy 6 makes it itself, with `signRequest`."""

    def __init__(self, uppy: RunningService) -> None:
        self.uppy = uppy
        begun = self.sign(method="POST", key="bill.pdf", contentType="application/pdf")
        self.key: str = begun["key"]
        answer = send(begun, "POST", kind="application/pdf")
        (found,) = re.findall("<UploadId>(.+)</UploadId>", answer.text)
        self.at = {"key": self.key, "uploadId": found}

    def sign(self, **request: Any) -> dict[str, Any]:
        answer = self.uppy.client.post("/uppy/sign", json=request)
        assert answer.status_code == 200, answer.text
        reported: dict[str, Any] = answer.json()
        return reported

    def put(self, number: int, body: bytes) -> str:
        answer = send(self.sign(method="PUT", partNumber=number, **self.at), "PUT", body)
        assert answer.status_code == 200, answer.text
        etag: str = answer.headers["etag"]
        return f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"


def completion(*parts: str) -> bytes:
    return f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode()


def test_a_page_creates_resumes_and_completes_an_upload(uppy: RunningService, store: Store) -> None:
    upload = Signing(uppy)
    parts = [upload.put(1, PART), upload.put(2, b"end")]
    listed = send(upload.sign(method="GET", **upload.at), "GET")
    assert listed.text.count("<PartNumber>") == 2
    ended = send(upload.sign(method="POST", **upload.at), "POST", completion(*parts))
    assert ended.status_code == 200, ended.text
    found = store.head(upload.key)
    assert (found["ContentLength"], found["ContentType"]) == (len(PART) + 3, "application/pdf")


def test_a_page_cannot_complete_more_than_was_signed(uppy: RunningService, store: Store) -> None:
    upload = Signing(uppy)
    first = upload.put(1, PART)
    signed = upload.sign(method="POST", **upload.at)
    second = upload.put(2, PART)
    assert send(signed, "POST", completion(first, second)).status_code == 400
    without = {**signed, "headers": {"content-type": "application/xml", "if-none-match": "*"}}
    assert send(without, "POST", completion(first, second)).status_code == 403
    assert under_way(store, upload.key)


def test_a_page_cannot_create_an_upload_of_another_type(uppy: RunningService, store: Store) -> None:
    begun = {"method": "POST", "key": "a", "contentType": "application/pdf"}
    signed = uppy.client.post("/uppy/sign", json=begun).json()
    assert send({**signed, "headers": {"content-type": "text/html"}}, "POST").status_code == 403


def test_a_page_aborts_an_upload(uppy: RunningService, store: Store) -> None:
    upload = Signing(uppy)
    upload.put(1, PART)
    assert send(upload.sign(method="DELETE", **upload.at), "DELETE").status_code == 204
    assert not under_way(store, upload.key)
