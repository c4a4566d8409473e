"""`POST /uppy/sign`: each request that Uppy 6 sends to S3 itself, signed as it is to be sent."""

from typing import Any, Final

import pytest

from tests.api.conftest import open_grant
from tests.protocols.uppy.harness import (
    KEY,
    LEAST,
    MOST,
    House,
    a_house,
    conditions,
    key_of,
    query,
    settings,
)

FILE: Final[dict[str, Any]] = {"key": "bill.pdf", "contentType": "application/pdf"}


async def created(house: House) -> tuple[str, str]:
    """An upload that the store has begun: its key and id. Uppy would send the request itself."""
    key = (await house.sign(method="POST", **FILE))["key"]
    house.store._create(key, house.store.uploads)  # type: ignore[arg-type]  # its headers count for nothing here
    return key, f"upload-{house.store.created}"


async def test_a_file_in_one_piece_is_given_a_form(house: House) -> None:
    told = await house.sign(method="PUT", **FILE, contentLength=5)
    assert told.keys() == {"url", "key", "fields"}
    assert KEY.fullmatch(told["key"])
    assert told["fields"]["key"] == told["key"]
    assert told["fields"]["Content-Type"] == "application/pdf"
    assert ["content-length-range", 5, 5] in conditions(told["fields"])


async def test_the_beginning_signs_what_the_object_is_to_be(house: House) -> None:
    told = await house.sign(method="POST", **FILE)
    assert told.keys() == {"url", "headers", "key"}
    assert KEY.fullmatch(told["key"])
    assert key_of(told["url"]) == told["key"]
    assert "uploads" in query(told["url"])
    assert told["headers"] == {"content-type": "application/pdf"}
    assert query(told["url"])["X-Amz-SignedHeaders"] == "content-type;host"


async def test_the_beginning_signs_how_the_store_encrypts() -> None:
    bucket = {
        "region": "eu-west-1",
        "credentials": "static",
        "encryption": {"algorithm": "aws:kms", "kms_key_id": "k"},
    }
    grant = open_grant(bucket="sealed", prefix="uploads/")
    async with a_house(
        settings({"bucket": "sealed"}, buckets={"sealed": bucket}, grants=[grant])
    ) as house:
        told = await house.sign(method="POST", **FILE)
    assert told["headers"] == {
        "content-type": "application/pdf",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "k",
    }


async def test_a_part_is_signed(house: House) -> None:
    key, upload_id = await created(house)
    told = await house.sign(method="PUT", key=key, uploadId=upload_id, partNumber=2)
    assert told.keys() == {"url", "headers"}
    assert told["headers"] == {}
    asked = query(told["url"])
    assert (asked["partNumber"], asked["uploadId"], key_of(told["url"])) == ("2", upload_id, key)
    assert asked["X-Amz-SignedHeaders"] == "host"


async def test_the_list_of_parts_is_signed(house: House) -> None:
    key, upload_id = await created(house)
    told = await house.sign(method="GET", key=key, uploadId=upload_id)
    asked = query(told["url"])
    assert (asked["uploadId"], asked["max-parts"], told["headers"]) == (upload_id, "1000", {})
    assert house.store.requests == []


async def test_the_end_is_signed_for_what_the_store_has_and_creates_only(house: House) -> None:
    key, upload_id = await created(house)
    house.store.put(upload_id, 1, LEAST)
    house.store.put(upload_id, 2, 7)
    told = await house.sign(method="POST", key=key, uploadId=upload_id)
    assert told["headers"] == {
        "content-type": "application/xml",
        "x-amz-mp-object-size": str(LEAST + 7),
        "if-none-match": "*",
    }
    signed = query(told["url"])["X-Amz-SignedHeaders"]
    assert signed == "content-type;host;if-none-match;x-amz-mp-object-size"


async def test_no_end_is_signed_for_more_than_the_grant_allows(house: House) -> None:
    key, upload_id = await created(house)
    house.store.put(upload_id, 1, MOST)
    house.store.put(upload_id, 2, 1)
    told = await house.sign(403, method="POST", key=key, uploadId=upload_id)
    assert told["code"] == "limit_exceeded"
    assert house.store.uploads == {}


async def test_the_abort_is_signed(house: House) -> None:
    key, upload_id = await created(house)
    told = await house.sign(method="DELETE", key=key, uploadId=upload_id)
    assert query(told["url"])["uploadId"] == upload_id


async def test_an_object_is_deleted_by_whom_the_grant_lets(house: House) -> None:
    key = (await house.sign(method="PUT", **FILE))["key"]
    assert (await house.sign(403, method="DELETE", key=key))["code"] == "forbidden"
    allowing = open_grant(prefix="uploads/", allow=["delete"])
    async with a_house(settings(grants=[allowing])) as other:
        told = await other.sign(method="DELETE", key=key)
    assert key_of(told["url"]) == key


async def test_what_the_page_asks_for_is_how_long_a_url_lives(house: House) -> None:
    told = await house.sign(method="POST", **FILE, expiresIn=30)
    assert query(told["url"])["X-Amz-Expires"] == "30"
    longer = await house.sign(method="POST", **FILE, expiresIn=86_400)
    assert query(longer["url"])["X-Amz-Expires"] == "600"  # the grant's most


@pytest.mark.parametrize(
    ("asked", "at"),
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
async def test_a_request_that_is_none_of_uppys_is_refused(
    house: House, asked: dict[str, object], at: str
) -> None:
    key = f"uploads/_key/tester/{'0' * 32}/a.pdf"
    told = await house.sign(422, **{**FILE, "key": key, **asked})
    assert told["code"] == "invalid_request"
    assert [error["pointer"] for error in told["errors"]] == [at]


async def test_what_uppys_next_version_sends_beside_it_is_left_aside(house: House) -> None:
    await house.sign(method="PUT", **FILE, metadata={"a": 1}, checksum=None)
