"""`POST /uppy/sign`: each request that Uppy 6 sends to S3 itself."""

from typing import Any, Final

import pytest

from tests.protocols.uppy.harness import (
    KEY,
    MAX_LENGTH,
    MIN_PART,
    Harness,
    conditions,
    key_of,
    query,
    settings,
    start_harness,
    with_bucket,
)
from tests.support.app import make_open_grant

FILE: Final[dict[str, Any]] = {"key": "bill.pdf", "contentType": "application/pdf"}


async def create(harness: Harness) -> tuple[str, str]:
    """Create an upload, as Uppy does with the signed request. Return its key and id."""
    key = (await harness.sign(method="POST", **FILE))["key"]
    harness.store._create(key, harness.store.uploads)  # type: ignore[arg-type]  # its headers are not used here
    return key, f"upload-{harness.store.created}"


async def test_a_file_in_one_piece_gets_a_form(harness: Harness) -> None:
    answer = await harness.sign(method="PUT", **FILE, contentLength=5)
    assert answer.keys() == {"url", "key", "fields"}
    assert KEY.fullmatch(answer["key"])
    assert answer["fields"]["key"] == answer["key"]
    assert answer["fields"]["Content-Type"] == "application/pdf"
    assert ["content-length-range", 5, 5] in conditions(answer["fields"])


async def test_the_creation_signs_the_type(harness: Harness) -> None:
    answer = await harness.sign(method="POST", **FILE)
    assert answer.keys() == {"url", "headers", "key"}
    assert KEY.fullmatch(answer["key"])
    assert key_of(answer["url"]) == answer["key"]
    assert "uploads" in query(answer["url"])
    assert answer["headers"] == {"content-type": "application/pdf"}
    assert query(answer["url"])["X-Amz-SignedHeaders"] == "content-type;host"


async def test_the_creation_signs_the_encryption() -> None:
    encryption = {"algorithm": "aws:kms", "kms_key_id": "k"}
    async with start_harness(with_bucket(encryption=encryption)) as harness:
        answer = await harness.sign(method="POST", **FILE)
    assert answer["headers"] == {
        "content-type": "application/pdf",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "k",
    }


async def test_a_part_is_signed(harness: Harness) -> None:
    key, upload_id = await create(harness)
    answer = await harness.sign(method="PUT", key=key, uploadId=upload_id, partNumber=2)
    assert answer == {"url": answer["url"], "headers": {}}
    params = query(answer["url"])
    assert (params["partNumber"], params["uploadId"]) == ("2", upload_id)
    assert (key_of(answer["url"]), params["X-Amz-SignedHeaders"]) == (key, "host")


async def test_the_list_of_parts_and_the_abort_are_signed(harness: Harness) -> None:
    key, upload_id = await create(harness)
    answer = await harness.sign(method="GET", key=key, uploadId=upload_id)
    params = query(answer["url"])
    assert (params["uploadId"], params["max-parts"], answer["headers"]) == (upload_id, "1000", {})
    answer = await harness.sign(method="DELETE", key=key, uploadId=upload_id)
    assert query(answer["url"])["uploadId"] == upload_id
    assert harness.store.requests == []


async def test_the_completion_signs_the_length_and_is_create_only(harness: Harness) -> None:
    key, upload_id = await create(harness)
    harness.store.put(upload_id, 1, MIN_PART)
    harness.store.put(upload_id, 2, 7)
    answer = await harness.sign(method="POST", key=key, uploadId=upload_id)
    assert answer["headers"] == {
        "content-type": "application/xml",
        "x-amz-mp-object-size": str(MIN_PART + 7),
        "if-none-match": "*",
    }
    signed = query(answer["url"])["X-Amz-SignedHeaders"]
    assert signed == "content-type;host;if-none-match;x-amz-mp-object-size"


async def test_no_completion_is_signed_beyond_the_grant(harness: Harness) -> None:
    key, upload_id = await create(harness)
    harness.store.put(upload_id, 1, MAX_LENGTH)
    harness.store.put(upload_id, 2, 1)
    answer = await harness.sign(403, method="POST", key=key, uploadId=upload_id)
    assert answer["code"] == "limit_exceeded"
    assert harness.store.uploads == {}


async def test_a_delete_needs_a_grant(harness: Harness) -> None:
    key = (await harness.sign(method="PUT", **FILE))["key"]
    assert (await harness.sign(403, method="DELETE", key=key))["code"] == "forbidden"
    allowing = make_open_grant(prefix="uploads/", allow=["delete"])
    async with start_harness(settings(grants=[allowing])) as other:
        answer = await other.sign(method="DELETE", key=key)
    assert key_of(answer["url"]) == key


async def test_the_page_may_choose_the_lifetime(harness: Harness) -> None:
    answer = await harness.sign(method="POST", **FILE, expiresIn=30)
    assert query(answer["url"])["X-Amz-Expires"] == "30"
    longer = await harness.sign(method="POST", **FILE, expiresIn=86_400)
    assert query(longer["url"])["X-Amz-Expires"] == "600"  # the grant's maximum


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"method": "GET"}, "#/method"),
        ({"method": "PUT", "uploadId": "u"}, "#/method"),
        ({"method": "PUT", "partNumber": 1}, "#/method"),
        ({"method": "POST", "uploadId": "u", "partNumber": 1}, "#/method"),
        ({"method": "PATCH"}, "#/method"),
        ({"method": "PUT", "uploadId": "u", "partNumber": 0}, "#/partNumber"),
        ({"method": "PUT", "uploadId": "u", "partNumber": 10_001}, "#/partNumber"),
        ({"method": "PUT", "contentLength": -1}, "#/contentLength"),
        ({"method": "PUT", "contentLength": "many"}, "#/contentLength"),
        ({"method": "PUT", "contentLength": True}, "#/contentLength"),
        ({"method": "PUT", "uploadId": "u", "partNumber": True}, "#/partNumber"),
        ({"method": "PUT", "expiresIn": True}, "#/expiresIn"),
        ({"method": "PUT", "contentType": "a\nb"}, "#/content_type"),
        ({"method": "PUT", "contentType": "no type"}, "#/content_type"),
        ({"method": "POST", "uploadId": "a/b"}, "#/upload_id"),
        ({"method": "PUT", "expiresIn": 0}, "#/expiresIn"),
        ({"method": "PUT", "key": ""}, "#/key"),
    ],
)
async def test_any_other_request_is_refused(
    harness: Harness, changes: dict[str, object], pointer: str
) -> None:
    key = f"uploads/_key/tester/{'0' * 32}/a.pdf"
    answer = await harness.sign(422, **{**FILE, "key": key, **changes})
    assert answer["code"] == "invalid_request"
    assert [error["pointer"] for error in answer["errors"]] == [pointer]


async def test_unknown_fields_are_ignored(harness: Harness) -> None:
    await harness.sign(method="PUT", **FILE, metadata={"a": 1}, checksum=None)
