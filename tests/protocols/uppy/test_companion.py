"""The Companion's S3 routes, in the wire format that Uppy 5 and 6 speak."""

import re
from typing import Any

import pytest

from tests.api.conftest import open_grant
from tests.multipart.fake_s3 import xml
from tests.protocols.uppy.harness import (
    KEY,
    LEAST,
    MOST,
    MULTIPART,
    PARAMS,
    PDF,
    House,
    a_house,
    conditions,
    key_of,
    query,
    settings,
)


async def test_a_form_is_given_for_a_file(house: House) -> None:
    answer = await house.client.get(PARAMS, params=PDF)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert told.keys() == {"method", "url", "fields", "expires"}
    assert (told["method"], told["url"]) == ("POST", "https://demo.s3.example/")
    fields = told["fields"]
    assert KEY.fullmatch(fields["key"])
    assert fields["Content-Type"] == "application/pdf"
    assert fields["success_action_status"] == "201"
    assert told["expires"] == 600
    assert ["content-length-range", 0, MOST] in conditions(fields)
    assert {"key": fields["key"]} in conditions(fields)


async def test_a_form_is_for_the_files_length_where_that_is_told(house: House) -> None:
    asked = {**PDF, "metadata[contentLength]": "1234", "metadata[name]": "bill.pdf"}
    fields = (await house.client.get(PARAMS, params=asked)).json()["fields"]
    assert ["content-length-range", 1234, 1234] in conditions(fields)


async def test_an_empty_file_has_a_length_too(house: House) -> None:
    asked = {**PDF, "metadata[contentLength]": "0"}
    fields = (await house.client.get(PARAMS, params=asked)).json()["fields"]
    assert ["content-length-range", 0, 0] in conditions(fields)


async def test_a_form_is_for_all_that_the_best_of_the_grants_allows() -> None:
    small = open_grant(prefix="uploads/", allow=["form"], max_content_length=5)
    other = {**small, "max_content_length": None, "content_types": ["image/*"]}
    fitting = {**small, "max_content_length": 7, "content_types": ["application/pdf"]}
    async with a_house(settings(grants=[small, other, fitting])) as house:
        fields = (await house.client.get(PARAMS, params=PDF)).json()["fields"]
        image = {**PDF, "type": "image/png"}
        widest = (await house.client.get(PARAMS, params=image)).json()["fields"]
    assert ["content-length-range", 0, 7] in conditions(fields)
    assert ["content-length-range", 0, 5 * 1024**3] in conditions(widest)


async def test_a_file_of_no_type_is_taken_where_no_grant_asks_for_one() -> None:
    async with a_house(settings(grants=[open_grant(prefix="uploads/")])) as house:
        fields = (await house.client.get(PARAMS, params={"filename": "a", "type": ""})).json()
        upload, _ = await house.created(type=None)
    assert fields["fields"]["Content-Type"] == "application/octet-stream"
    assert house.store.uploads["upload-1"].headers["content-type"] == "application/octet-stream"
    assert upload == f"{MULTIPART}/upload-1"


async def test_an_upload_in_parts_goes_its_way(house: House) -> None:
    client, store = house.client, house.store
    answer = await client.post(MULTIPART, json={**PDF, "metadata": {"name": "bill.pdf", "n": 1}})
    upload = answer.json()
    assert (answer.status_code, upload.keys()) == (200, {"key", "uploadId", "bucket"})
    assert KEY.fullmatch(upload["key"])
    assert (upload["uploadId"], upload["bucket"]) == ("upload-1", "demo")
    assert store.uploads["upload-1"].key == upload["key"]
    assert store.uploads["upload-1"].headers["content-type"] == "application/pdf"

    one, asked = f"{MULTIPART}/upload-1", {"key": upload["key"]}
    for number in (1, 2):
        answer = await client.get(f"{one}/{number}", params=asked)
        part = answer.json()
        assert (answer.status_code, part.keys()) == (200, {"url", "expires"})
        assert part["expires"] == 600
        assert key_of(part["url"]) == upload["key"]
        assert query(part["url"])["uploadId"] == "upload-1"
        assert query(part["url"])["partNumber"] == str(number)

    sent = [store.put("upload-1", 1, LEAST), store.put("upload-1", 2, 7)]
    answer = await client.get(one, params=asked)
    assert answer.json() == [
        {"PartNumber": 1, "ETag": sent[0].etag, "Size": LEAST},
        {"PartNumber": 2, "ETag": sent[1].etag, "Size": 7},
    ]
    # v5 sends an ETag with its quotes, v6 without.
    named = [
        {"PartNumber": 1, "ETag": sent[0].etag},
        {"PartNumber": 2, "ETag": sent[1].etag.strip('"')},
    ]
    answer = await client.post(f"{one}/complete", params=asked, json={"parts": named})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "location": f"https://demo.s3.example/{upload['key']}",
            "key": upload["key"],
            "bucket": "demo",
        },
    )
    assert store.objects[upload["key"]][1] == LEAST + 7
    (complete,) = [each for each in store.requests if "x-amz-mp-object-size" in each.headers]
    assert complete.headers["x-amz-mp-object-size"] == str(LEAST + 7)
    assert complete.headers["if-none-match"] == "*"


async def test_a_parts_url_signs_no_checksum_and_no_length(house: House) -> None:
    """The AWS SDK for JavaScript, which Companion signs by, puts the checksum of an empty body in."""
    one, key = await house.created()
    url = (await house.client.get(f"{one}/1", params={"key": key})).json()["url"]
    assert query(url)["X-Amz-SignedHeaders"] == "host"
    assert not re.search("checksum|crc|sdk", url, re.IGNORECASE)


async def test_parts_are_signed_together_as_uppy_2_asks(house: House) -> None:
    one, key = await house.created()
    asked = {"key": key, "partNumbers": "1,3"}
    answer = await house.client.get(f"{one}/batch", params=asked)
    urls = answer.json()["presignedUrls"]
    assert (answer.status_code, urls.keys()) == (200, {"1", "3"})
    assert {query(url)["partNumber"] for url in urls.values()} == {"1", "3"}


async def test_an_upload_is_aborted(house: House) -> None:
    one, key = await house.created()
    answer = await house.client.delete(one, params={"key": key})
    assert (answer.status_code, answer.json()) == (200, {})
    assert house.store.uploads == {}


async def test_an_upload_whose_id_cannot_be_signed_is_aborted(house: House) -> None:
    name = "InitiateMultipartUploadResult"
    answer = f"<{name}><UploadId>a/b</UploadId></{name}>"
    house.store.faults["create"] = [lambda _: xml(answer)]
    refused = await house.client.post(MULTIPART, json=PDF)
    assert refused.status_code == 502
    assert house.store.requests[-1].method == "DELETE"
    assert [line["action"] for line in house.lines] == [
        "CreateMultipartUpload",
        "AbortMultipartUpload",
    ]


async def test_what_turns_out_to_be_too_large_is_let_go(house: House) -> None:
    one, key = await house.created()
    part = house.store.put("upload-1", 1, MOST + 1)
    named = {"parts": [{"PartNumber": 1, "ETag": part.etag}]}
    answer = await house.client.post(f"{one}/complete", params={"key": key}, json=named)
    assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")
    assert answer.json()["message"] == f"Your grant allows at most {MOST} bytes."
    assert (house.store.uploads, house.store.objects) == ({}, {})


async def test_parts_that_the_store_has_not_are_told_and_nothing_is_lost(house: House) -> None:
    one, key = await house.created()
    house.store.put("upload-1", 1, LEAST)
    named = {"parts": [{"PartNumber": 1, "ETag": "other"}, {"PartNumber": 2, "ETag": "none"}]}
    answer = await house.client.post(f"{one}/complete", params={"key": key}, json=named)
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_part")
    assert house.store.uploads.keys() == {"upload-1"}


async def test_a_url_lives_as_long_as_is_configured() -> None:
    async with a_house(settings({"expires_in": 60})) as house:
        one, key = await house.created()
        part = await house.client.get(f"{one}/1", params={"key": key})
        form = await house.client.get(PARAMS, params=PDF)
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
async def test_no_reply_leads_uppy_elsewhere(
    house: House, method: str, path: str, body: Any
) -> None:
    """By `i-am` a Companion tells Uppy another address for all later calls."""
    answer = await house.client.request(method, path, json=body)
    assert "i-am" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


async def test_no_credentials_are_handed_out(house: House) -> None:
    answer = await house.client.get("/uppy/s3/sts")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
