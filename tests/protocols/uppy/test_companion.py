"""The Companion's S3 routes, in the format of Uppy 5 and 6."""

import re
from typing import Any

import pytest

from tests.protocols.uppy.harness import (
    KEY,
    MAX_LENGTH,
    MIN_PART,
    MULTIPART,
    PARAMS,
    PDF,
    Harness,
    conditions,
    key_of,
    query,
    settings,
    start_harness,
)
from tests.support.app import make_open_grant


async def test_a_file_gets_a_form(harness: Harness) -> None:
    answer = await harness.client.get(PARAMS, params=PDF)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert body.keys() == {"method", "url", "fields", "expires"}
    assert (body["method"], body["url"]) == ("POST", "https://demo.s3.example/")
    fields = body["fields"]
    assert KEY.fullmatch(fields["key"])
    assert fields["Content-Type"] == "application/pdf"
    assert fields["success_action_status"] == "201"
    assert body["expires"] == 600
    assert ["content-length-range", 0, MAX_LENGTH] in conditions(fields)
    assert {"key": fields["key"]} in conditions(fields)


@pytest.mark.parametrize("length", [1234, 0])
async def test_a_form_allows_only_a_known_length(harness: Harness, length: int) -> None:
    metadata = {"metadata[contentLength]": str(length), "metadata[name]": "bill.pdf"}
    fields = (await harness.client.get(PARAMS, params={**PDF, **metadata})).json()["fields"]
    assert ["content-length-range", length, length] in conditions(fields)


async def test_a_form_allows_as_much_as_the_best_grant() -> None:
    small = make_open_grant(prefix="uploads/", allow=["form"], max_content_length=5)
    other = {**small, "max_content_length": None, "content_types": ["image/*"]}
    fitting = {**small, "max_content_length": 7, "content_types": ["application/pdf"]}
    async with start_harness(settings(grants=[small, other, fitting])) as harness:
        fields = (await harness.client.get(PARAMS, params=PDF)).json()["fields"]
        image = {**PDF, "type": "image/png"}
        widest = (await harness.client.get(PARAMS, params=image)).json()["fields"]
    assert ["content-length-range", 0, 7] in conditions(fields)
    assert ["content-length-range", 0, 5 * 1024**3] in conditions(widest)


async def test_a_file_without_a_type_gets_the_default() -> None:
    async with start_harness(settings(grants=[make_open_grant(prefix="uploads/")])) as harness:
        fields = (await harness.client.get(PARAMS, params={"filename": "a", "type": ""})).json()
        upload, _ = await harness.create(type=None)
    assert fields["fields"]["Content-Type"] == "application/octet-stream"
    assert harness.store.uploads["upload-1"].headers["content-type"] == "application/octet-stream"
    assert upload == f"{MULTIPART}/upload-1"


async def test_a_multipart_upload(harness: Harness) -> None:
    client, store = harness.client, harness.store
    answer = await client.post(MULTIPART, json={**PDF, "metadata": {"name": "bill.pdf", "n": 1}})
    upload = answer.json()
    assert (answer.status_code, upload.keys()) == (200, {"key", "uploadId", "bucket"})
    assert KEY.fullmatch(upload["key"])
    assert (upload["uploadId"], upload["bucket"]) == ("upload-1", "demo")
    assert store.uploads["upload-1"].key == upload["key"]
    assert store.uploads["upload-1"].headers["content-type"] == "application/pdf"

    url, params = f"{MULTIPART}/upload-1", {"key": upload["key"]}
    for number in (1, 2):
        answer = await client.get(f"{url}/{number}", params=params)
        part = answer.json()
        assert (answer.status_code, part.keys()) == (200, {"url", "expires"})
        assert part["expires"] == 600
        assert key_of(part["url"]) == upload["key"]
        assert query(part["url"])["uploadId"] == "upload-1"
        assert query(part["url"])["partNumber"] == str(number)

    sent = [store.put("upload-1", 1, MIN_PART), store.put("upload-1", 2, 7)]
    answer = await client.get(url, params=params)
    assert answer.json() == [
        {"PartNumber": 1, "ETag": sent[0].etag, "Size": MIN_PART},
        {"PartNumber": 2, "ETag": sent[1].etag, "Size": 7},
    ]
    # v5 sends an ETag with its quotes, v6 without.
    named = [
        {"PartNumber": 1, "ETag": sent[0].etag},
        {"PartNumber": 2, "ETag": sent[1].etag.strip('"')},
    ]
    answer = await client.post(f"{url}/complete", params=params, json={"parts": named})
    assert answer.status_code == 200
    assert answer.json() == {
        "location": f"https://demo.s3.example/{upload['key']}",
        "key": upload["key"],
        "bucket": "demo",
    }
    assert store.objects[upload["key"]][1] == MIN_PART + 7
    (complete,) = [each for each in store.requests if "x-amz-mp-object-size" in each.headers]
    assert complete.headers["x-amz-mp-object-size"] == str(MIN_PART + 7)
    assert complete.headers["if-none-match"] == "*"


async def test_a_parts_url_has_no_checksum_and_no_length(harness: Harness) -> None:
    """Companion uses the AWS SDK for JavaScript, which adds the checksum of an empty body."""
    url, key = await harness.create()
    url = (await harness.client.get(f"{url}/1", params={"key": key})).json()["url"]
    assert query(url)["X-Amz-SignedHeaders"] == "host"
    assert not re.search("checksum|crc|sdk", url, re.IGNORECASE)


async def test_an_upload_can_be_aborted(harness: Harness) -> None:
    url, key = await harness.create()
    answer = await harness.client.delete(url, params={"key": key})
    assert (answer.status_code, answer.json()) == (200, {})
    assert harness.store.uploads == {}


async def test_an_upload_that_is_too_large_is_aborted(harness: Harness) -> None:
    url, key = await harness.create()
    part = harness.store.put("upload-1", 1, MAX_LENGTH + 1)
    named = {"parts": [{"PartNumber": 1, "ETag": part.etag}]}
    answer = await harness.client.post(f"{url}/complete", params={"key": key}, json=named)
    assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")
    assert answer.json()["message"] == f"Your grant allows at most {MAX_LENGTH} bytes."
    assert (harness.store.uploads, harness.store.objects) == ({}, {})


async def test_a_completion_lists_and_counts_once() -> None:
    async with start_harness(settings(own={"rate_limit": "2/hour"})) as harness:
        url, key = await harness.create()
        part = harness.store.put("upload-1", 1, MIN_PART)
        named = {"parts": [{"PartNumber": 1, "ETag": part.etag}]}
        answer = await harness.client.post(f"{url}/complete", params={"key": key}, json=named)
        assert answer.status_code == 200
    sent = [each.method for each in harness.store.requests]
    assert sent == ["POST", "GET", "POST"]  # create, list, complete
    assert [line["action"] for line in harness.audit_lines] == [
        *("CreateMultipartUpload", "CompleteMultipartUpload")
    ]


async def test_missing_parts_are_reported_and_nothing_is_aborted(harness: Harness) -> None:
    url, key = await harness.create()
    harness.store.put("upload-1", 1, MIN_PART)
    named = {"parts": [{"PartNumber": 1, "ETag": "other"}, {"PartNumber": 2, "ETag": "none"}]}
    answer = await harness.client.post(f"{url}/complete", params={"key": key}, json=named)
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_part")
    assert harness.store.uploads.keys() == {"upload-1"}


async def test_the_lifetime_is_configurable() -> None:
    async with start_harness(settings({"expires_in": 60})) as harness:
        url, key = await harness.create()
        part = await harness.client.get(f"{url}/1", params={"key": key})
        form = await harness.client.get(PARAMS, params=PDF)
    assert (part.json()["expires"], form.json()["expires"]) == (60, 60)
    assert query(part.json()["url"])["X-Amz-Expires"] == "60"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{PARAMS}?filename=a&type=image/png", None),
        ("GET", PARAMS, None),
        ("POST", MULTIPART, PDF),
        ("POST", MULTIPART, {}),
        ("GET", "/uppy/s3/sts", None),
    ],
)
async def test_no_response_redirects_uppy(
    harness: Harness, method: str, path: str, body: Any
) -> None:
    """A Companion's `i-am` header gives Uppy another address for all later calls."""
    answer = await harness.client.request(method, path, json=body)
    assert (answer.status_code == 404) is path.endswith("/sts")  # credentials are not returned
    assert "i-am" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
