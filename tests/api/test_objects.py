"""`GET /v1/objects` over ASGI, with a store that answers one page."""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest

from tests.api import listing
from tests.api.refusals import pointers, problem

PAGE: Final = (
    "<ListBucketResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
    "<NextContinuationToken>t/2+</NextContinuationToken>"
    "<Contents><Key>a/b+c</Key><ETag>e</ETag><Size>5</Size>"
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
    "<CommonPrefixes><Prefix>a/d/</Prefix></CommonPrefixes></ListBucketResult>"
)


async def get(
    query: Mapping[str, str], page: str = PAGE, **options: Any
) -> tuple[httpx.Response, list[dict[str, list[str]]]]:
    return await listing.get("objects", query, page, **options)


async def test_a_page_is_answered_as_json() -> None:
    answer, _ = await get({"bucket": "demo", "prefix": "a/", "delimiter": "/"})
    assert answer.json() == {
        "prefix": "a/",
        "prefixes": ["a/d/"],
        "objects": [
            {
                "key": "a/b c",
                "size": 5,
                "etag": '"e"',
                "last_modified": "2026-01-01T00:00:00.000Z",
            }
        ],
        "next": "t/2+",
    }


async def test_what_is_listed_is_what_was_requested() -> None:
    _, asked = await get(
        {"bucket": "demo", "prefix": "a", "delimiter": "--", "after": "t/2+"}, max_keys=7
    )
    (query,) = asked
    assert query["prefix"] == ["a"]
    assert query["delimiter"] == ["--"]
    assert query["continuation-token"] == ["t/2+"]
    assert query["max-keys"] == ["7"]


async def test_without_a_delimiter_all_keys_of_the_bucket_are_listed() -> None:
    answer, asked = await get({"bucket": "demo"})
    assert answer.json()["prefix"] == ""
    assert asked[0]["prefix"] == [""]
    assert "delimiter" not in asked[0]


@pytest.mark.parametrize(
    ("grant", "query"),
    [
        ({"allow": ["download"]}, {"bucket": "demo", "prefix": "a/"}),
        ({"prefix": "a/"}, {"bucket": "demo"}),
        ({"prefix": "a/"}, {"bucket": "demo", "prefix": "a"}),
        ({}, {"bucket": "closed"}),
        ({}, {"bucket": "unknown"}),
    ],
)
async def test_a_list_needs_a_grant(grant: Mapping[str, Any], query: Mapping[str, str]) -> None:
    lines = list[bytes]()
    answer, asked = await get(query, audit=lines.extend, **grant)
    problem(answer, 403, "forbidden")
    assert asked == []
    line = json.loads(lines[-1])
    assert (line["decision"], line["operation"], line["action"]) == (
        "denied",
        "list",
        "ListObjectsV2",
    )


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "#/bucket"),
        ({"prefix": "../canary"}, "#/prefix"),
        ({"prefix": "canary\0"}, "#/prefix"),
        ({"delimiter": ""}, "#/delimiter"),
        ({"delimiter": "canary\0"}, "#/delimiter"),
        ({"after": "canary\0"}, "#/after"),
        ({"after": "canary" * 700}, "#/after"),
        ({"max_keys": "5"}, "#/max_keys"),
    ],
    ids=str,
)
async def test_a_bad_query_is_refused_with_its_pointer(
    query: Mapping[str, str], pointer: str
) -> None:
    answer, asked = await get({"bucket": "demo", **query} if query else {})
    assert pointers(answer) == [pointer]
    assert asked == []
