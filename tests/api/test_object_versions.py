"""`GET /v1/object-versions` over ASGI, with a store that answers one page."""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest

from tests.api import listing
from tests.api.refusals import pointers, problem

PAGE: Final = (
    "<ListVersionsResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
    "<NextKeyMarker>a/b%2Bc%0A</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>"
    "<DeleteMarker><Key>a/b+c</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest>"
    "<LastModified>2026-01-02T00:00:00.000Z</LastModified></DeleteMarker>"
    "<Version><Key>a/b+c</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><ETag>e</ETag>"
    "<Size>5</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Version>"
    "<CommonPrefixes><Prefix>a/d/</Prefix></CommonPrefixes></ListVersionsResult>"
)


async def get(
    query: Mapping[str, str], page: str = PAGE, **options: Any
) -> tuple[httpx.Response, list[dict[str, list[str]]]]:
    return await listing.get(
        "object-versions", query, page, **{"allow": ["list", "versions"], **options}
    )


async def test_versions_and_delete_markers_are_answered_as_json() -> None:
    answer, _ = await get({"bucket": "demo", "prefix": "a/", "delimiter": "/"})
    assert answer.json() == {
        "prefix": "a/",
        "prefixes": ["a/d/"],
        "versions": [
            {
                "key": "a/b c",
                "version_id": "v2",
                "is_latest": True,
                "is_delete_marker": True,
                "last_modified": "2026-01-02T00:00:00.000Z",
            },
            {
                "key": "a/b c",
                "version_id": "v1",
                "is_latest": False,
                "is_delete_marker": False,
                "size": 5,
                "etag": '"e"',
                "last_modified": "2026-01-01T00:00:00.000Z",
            },
        ],
        "next": "v1/a/b%2Bc%0A",
    }


async def test_the_next_page_starts_after_both_markers() -> None:
    query = {"bucket": "demo", "prefix": "a", "delimiter": "--", "after": "v3/a/b%2Bc%0A"}
    _, asked = await get(query, max_keys=7)
    (query_at_store,) = asked
    assert query_at_store == {
        "prefix": ["a"],
        "delimiter": ["--"],
        "encoding-type": ["url"],
        "max-keys": ["7"],
        "key-marker": ["a/b+c\n"],
        "version-id-marker": ["v3"],
        "versions": [""],
        **{name: query_at_store[name] for name in query_at_store if name.startswith("X-Amz-")},
    }


async def test_after_a_common_prefix_there_is_no_version() -> None:
    page = PAGE.replace("<NextVersionIdMarker>v1</NextVersionIdMarker>", "")
    answer, _ = await get({"bucket": "demo"}, page=page)
    assert answer.json()["next"] == "/a/b%2Bc%0A"
    _, asked = await get({"bucket": "demo", "after": "/a/d/"})
    assert asked[0]["key-marker"] == ["a/d/"]
    assert "version-id-marker" not in asked[0]


async def test_a_page_that_begins_again_is_refused() -> None:
    answer, _ = await get({"bucket": "demo", "after": "v1/a/b%2Bc%0A"})
    problem(answer, 502, "storage_refused")


async def test_a_version_id_may_have_a_slash() -> None:
    answer, _ = await get({"bucket": "demo"}, page=PAGE.replace("r>v1<", "r>+/v%2F1=<"))
    _, asked = await get({"bucket": "demo", "after": answer.json()["next"]})
    assert asked[0]["version-id-marker"] == ["+/v%2F1="]
    assert asked[0]["key-marker"] == ["a/b+c\n"]


async def test_the_last_page_has_no_next() -> None:
    answer, _ = await get({"bucket": "demo"}, page=PAGE.replace(">true</IsT", ">false</IsT"))
    assert "next" not in answer.json()


@pytest.mark.parametrize("allow", [["list"], ["versions"], ["download", "versions"]], ids=str)
async def test_versions_need_list_and_versions_in_one_grant(allow: list[str]) -> None:
    lines = list[bytes]()
    answer, asked = await get({"bucket": "demo"}, audit=lines.extend, allow=allow)
    problem(answer, 403, "limit_exceeded" if allow == ["list"] else "forbidden")
    assert asked == []
    line = json.loads(lines[-1])
    assert (line["decision"], line["operation"], line["action"]) == (
        "denied",
        "list",
        "ListObjectVersions",
    )


@pytest.mark.parametrize("after", ["canary\0", "canary", "canary/"])
async def test_what_is_no_next_is_refused(after: str) -> None:
    answer, asked = await get({"bucket": "demo", "after": after})
    assert pointers(answer) == ["#/after"]
    assert asked == []


@pytest.mark.parametrize(
    "broken",
    [
        PAGE.replace("<VersionId>v1</VersionId>", ""),
        PAGE.replace("<Size>5</Size>", ""),
        PAGE.replace("ListVersionsResult", "ListBucketResult"),
    ],
    ids=["no id", "no size", "another list"],
)
async def test_what_is_no_list_of_versions_is_refused(broken: str) -> None:
    answer, _ = await get({"bucket": "demo"}, page=broken)
    problem(answer, 502, "storage_refused")
