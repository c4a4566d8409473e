"""What a refused body or query says about its fields. It speaks of the thing, not of Python."""

from typing import Any, Final

import httpx
import pytest

from tests.api.refusals import FORM, GET, LIST, MARK, UPLOAD, problem, refused

PARTS: Final = {"bucket": "demo", "key": MARK, "content_length": 9, "part_size": 5_242_880}
COMPLETE: Final = {"bucket": "demo", "key": MARK, "content_length": 9}
LINK: Final = {"bucket": "demo", "key": MARK}
DIGEST: Final = {"algorithm": "SHA1", "value": "A" * 27 + "="}

SECONDS: Final = "Must be a number of seconds, such as 3600."
BYTES: Final = "Must be a number of bytes, such as 1048576."
NUMBER: Final = "Must be a whole number, such as 1."
TEXT: Final = "Must be text."
TEXT_LENGTH: Final = "Must have at most 255 characters."
OBJECT: Final = "Must be an object."
EMPTY: Final = "Must not be empty."
BASE64: Final = "Must be base64 with padding."

# The path below /v1, a valid body, a field, a wrong value, and the message about it
MESSAGES: Final[list[tuple[str, dict[str, Any], str, Any, str]]] = [
    ("download-urls", GET, "expires_in", "1h", SECONDS),
    ("download-urls", GET, "expires_in", 60.0, SECONDS),
    ("download-urls", GET, "expires_in", True, SECONDS),
    ("download-urls", GET, "expires_in", None, SECONDS),
    ("download-urls", GET, "min_expires_in", "60", SECONDS),
    ("download-urls", GET, "stable_for", [], SECONDS),
    ("download-urls", GET, "expires_in", 0, "Must be at least 1."),
    ("download-urls", GET, "expires_in", 604_801, "Must be at most 7 days (604,800 seconds)."),
    ("download-urls", GET, "stable_for", 86_401, "Must be at most 24 hours (86,400 seconds)."),
    ("download-urls", GET, "key", 5, TEXT),
    ("download-urls", GET, "key", None, TEXT),
    ("download-urls", GET, "filename", "", EMPTY),
    ("download-urls", GET, "filename", "x" * 256, TEXT_LENGTH),
    ("download-urls", GET, "disposition", MARK, "Must be `attachment` or `inline`."),
    ("upload-urls", UPLOAD, "content_length", "5 MB", BYTES),
    ("upload-urls", UPLOAD, "content_length", -1, "Must be at least 0."),
    (
        *("upload-urls", UPLOAD, "content_length", 5_368_709_121),
        "Must be at most 5 GiB (5,368,709,120 bytes).",
    ),
    ("upload-urls", UPLOAD, "overwrite", "yes", "Must be true or false."),
    ("upload-urls", UPLOAD, "checksum", 1, OBJECT),
    ("upload-urls", UPLOAD, "tags", [], OBJECT),
    ("upload-urls", UPLOAD, "metadata", MARK, OBJECT),
    ("upload-forms", FORM, "success_status", "ok", NUMBER),
    ("upload-forms", FORM, "success_status", 404, "Must be at most 204."),
    ("list-urls", LIST, "max_keys", 1001, "Must be at most 1,000."),
    (
        *("multipart-uploads", COMPLETE, "content_length", 53_687_091_200_001),
        "Must be at most 48.8 TiB (53,687,091,200,000 bytes).",
    ),
    (
        *("multipart-uploads", COMPLETE, "part_size", 1),
        "Must be at least 5 MiB (5,242,880 bytes).",
    ),
    ("multipart-uploads/id/part-urls", PARTS, "part_numbers", 3, "Must be a list."),
    ("multipart-uploads/id/part-urls", PARTS, "part_numbers", [], EMPTY),
    (
        *("multipart-uploads/id/part-urls", PARTS, "part_numbers", [1] * 101),
        "Must have at most 100 items.",
    ),
    ("upload-urls/batch", {}, "items", [], EMPTY),
    ("download-urls/batch", {}, "items", [GET] * 1001, "Must have at most 1,000 items."),
]
# As above, with the pointer of a field inside another one
WITHIN: Final[list[tuple[str, dict[str, Any], str, str]]] = [
    ("upload-urls", {**UPLOAD, "metadata": {"name": 5}}, "/metadata/name", TEXT),
    (
        *("upload-urls", {**UPLOAD, "checksum": {**DIGEST, "algorithm": "MD5"}}),
        "/checksum/algorithm",
        "Must be `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1` or `SHA256`.",
    ),
    (
        *("upload-urls", {**UPLOAD, "checksum": {**DIGEST, "value": "AAAA"}}),
        "/checksum/value",
        "Must have at least 8 characters.",
    ),
    (
        *("upload-urls", {**UPLOAD, "checksum": {**DIGEST, "value": f"{MARK}-{MARK}"}}),
        "/checksum/value",
        BASE64,
    ),
    (
        *("multipart-uploads/id/complete", {**COMPLETE, "parts": [{"part_number": 1}]}),
        "/parts/0/etag",
        "This field is required.",
    ),
    (
        *(
            "multipart-uploads/id/complete",
            {**COMPLETE, "parts": [{"part_number": 1, "etag": f"{MARK} 1"}]},
        ),
        "/parts/0/etag",
        "Must be an ETag: visible ASCII, with or without quotation marks.",
    ),
    (
        *("multipart-uploads/id/part-urls", {**PARTS, "part_numbers": [10_001]}),
        "/part_numbers/0",
        "Must be at most 10,000.",
    ),
    ("upload-urls/batch", {"items": [[]]}, "/items/0", OBJECT),
    ("upload-urls/batch", {"items": [{**UPLOAD, "tags": []}]}, "/items/0/tags", OBJECT),
    ("upload-urls/batch", {"items": [{**UPLOAD, "checksum": 1}]}, "/items/0/checksum", OBJECT),
    ("download-urls", {"bucket": "demo"}, "/key", "This field is required."),
]


@pytest.mark.parametrize(
    ("path", "body", "pointer", "detail"),
    [*((path, {**body, at: it}, f"/{at}", d) for path, body, at, it, d in MESSAGES), *WITHIN],
    ids=lambda each: ascii(each)[:60],
)
async def test_a_message_says_what_the_field_must_be(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str, detail: str
) -> None:
    members = await refused(client, path, body, 422, "invalid_request")
    assert members["errors"] == [{"pointer": f"#{pointer}", "detail": detail}]


async def test_all_mistakes_of_a_request_are_reported_at_once(client: httpx.AsyncClient) -> None:
    body = {"bucket": 5, "content_length": "x", "expires_in": 0, "checksum": {}, "page": MARK}
    members = await refused(client, "upload-urls", body, 422, "invalid_request")
    assert {each["pointer"]: each["detail"] for each in members["errors"]} == {
        "#/bucket": TEXT,
        "#/key": "This field is required.",
        "#/content_length": BYTES,
        "#/expires_in": "Must be at least 1.",
        "#/checksum/algorithm": "This field is required.",
        "#/checksum/value": "This field is required.",
        "#/page": "Unknown field.",
    }


async def test_a_query_gets_the_same_messages(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1/objects?bucket=&after={'x' * 4097}")
    assert problem(answer, 422, "invalid_request")["errors"] == [
        {"pointer": "#/bucket", "detail": EMPTY},
        {"pointer": "#/after", "detail": "Must have at most 4,096 characters."},
    ]
