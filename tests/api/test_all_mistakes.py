"""All mistakes of a request are in one answer: of types, of values, and of unknown fields."""

from typing import Any, Final

import httpx
import pytest

from service.api.body import Body
from service.api.multipart_schemas import MultipartUploadRequest
from service.api.schemas import (
    CookiesRequest,
    CopyUrlRequest,
    DeleteUrlRequest,
    DownloadUrlRequest,
    HeadUrlRequest,
    ListUrlRequest,
    ObjectCheckRequest,
    UploadFormRequest,
    UploadUrlRequest,
)
from tests.api.refusals import FORM, GET, LIST, UPLOAD, refused

# Of the right type and length, and refused all the same
WRONG: Final[dict[str, Any]] = {
    "key": "a/../b",
    "prefix": "a/../b/",
    "key_prefix": "a/../b/",
    "filename": "a\u0001b",
    "content_type": "image png",
    "content_type_prefix": "é",
    "cache_control": "é",
    "content_encoding": "é",
    "storage_class": "é",
    "if_match": "é",
    "version_id": "\u0001",
    "delimiter": "\u0001",
    "continuation_token": "\u0001",
    "metadata": {"A": "b"},
    "tags": {"<": "b"},
    "checksum": {"algorithm": "SHA256", "value": "AAAAAAA="},
    "source": {"key": "a/../b"},
}
CALLS: Final[list[tuple[str, dict[str, Any], type[Body]]]] = [
    ("download-urls", GET, DownloadUrlRequest),
    ("upload-urls", UPLOAD, UploadUrlRequest),
    ("upload-forms", FORM, UploadFormRequest),
    ("head-urls", GET, HeadUrlRequest),
    ("delete-urls", GET, DeleteUrlRequest),
    ("list-urls", LIST, ListUrlRequest),
    ("copy-urls", {**GET, "source": {"key": "b"}}, CopyUrlRequest),
    ("multipart-uploads", {**UPLOAD, "content_length": 9}, MultipartUploadRequest),
    ("object-checks", GET, ObjectCheckRequest),
    ("cookies", LIST, CookiesRequest),
]
LEFT_OUT: Final = {
    ("object-checks", "content_type"): "is compared with the store's, whatever it is",
    ("object-checks", "checksum"): "may be one of parts, of another length",
    ("upload-forms", "key"): "does not go with key_prefix",
    ("upload-forms", "filename"): "is a part of the key, and checked as one",
}
CASES: Final = [
    (path, body, name)
    for path, body, model in CALLS
    for name in WRONG
    if name in model.model_fields and (path, name) not in LEFT_OUT
]


async def mistakes(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, str]:
    members = await refused(client, path, body, 422, "invalid_request")
    return {each["pointer"]: each["detail"] for each in members["errors"]}


@pytest.mark.parametrize(("path", "body", "name"), CASES)
async def test_a_wrong_value_is_reported_beside_a_wrong_type(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], name: str
) -> None:
    alone = await mistakes(client, path, {**body, name: WRONG[name]})
    assert alone
    other = {"bucket": 5, "page": 1}
    both = await mistakes(client, path, {**body, name: WRONG[name], **other})
    assert both == {"#/bucket": "Must be text.", "#/page": "Unknown field."} | alone


@pytest.mark.parametrize("path", [path for path, _, _ in CALLS])
async def test_all_wrong_values_are_reported_at_once(client: httpx.AsyncClient, path: str) -> None:
    # It does not go with content_type.
    own = [case[1:] for case in CASES if case[0] == path and case[2] != "content_type_prefix"]
    expected = dict[str, str]()
    for body, name in own:
        expected |= await mistakes(client, path, {**body, name: WRONG[name]})
    wrong = {name: WRONG[name] for _, name in own}
    assert await mistakes(client, path, {**own[0][0], **wrong}) == expected


async def test_an_item_of_a_batch_has_all_its_mistakes(client: httpx.AsyncClient) -> None:
    wrong = {**UPLOAD, "content_length": "x", "content_type": "image png"}
    found = await mistakes(client, "upload-urls/batch", {"items": [UPLOAD, wrong]})
    assert [*found] == ["#/items/1/content_length", "#/items/1/content_type"]


async def test_the_fields_of_all_keys_have_all_their_mistakes(client: httpx.AsyncClient) -> None:
    body = {"bucket": "demo", "keys": ["a"], "content_type": "image png", "cache_control": "é"}
    found = await mistakes(client, "download-urls/batch", body)
    assert {*found} == {"#/content_type", "#/cache_control"}


async def test_a_lifetime_that_contradicts_itself_is_among_them(client: httpx.AsyncClient) -> None:
    body = {**GET, "expires_in": 60, "min_expires_in": 61, "key": "a/../b"}
    assert {*await mistakes(client, "download-urls", body)} == {"#/min_expires_in", "#/key"}


async def test_a_value_of_a_wrong_type_is_reported_once(client: httpx.AsyncClient) -> None:
    body = {**UPLOAD, "metadata": {"A": 5}, "tags": [], "content_type": 1, "checksum": {}}
    found = await mistakes(client, "upload-urls", body)
    assert {*found} == {
        *("#/metadata/A", "#/tags", "#/content_type"),
        *("#/checksum/algorithm", "#/checksum/value"),
    }


async def test_a_batch_that_is_no_object_has_one_mistake(client: httpx.AsyncClient) -> None:
    assert [*await mistakes(client, "upload-urls/batch", {"items": [5]})] == ["#/items/0"]
