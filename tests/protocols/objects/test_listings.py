"""`/o/{bucket}/{prefix}/` over ASGI, with a store that lists two levels."""

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
import pytest

from tests.support.app import make_app_settings, make_open_grant, make_store_response, run_app

TOKEN: Final = "1/&=+"
KEYS: Final = ["a b.txt", "<i>.txt", "c%2Fd", "\u00e9", "x:y", ".."]


def listed(prefix: str, *, is_last: bool) -> str:
    contents = "".join(
        f"<Contents><Key>{httpx.QueryParams({'k': prefix + key})}</Key><ETag>e</ETag>"
        "<Size>5</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        for key in ["", *KEYS]
        if prefix or key
    ).replace("k=", "")
    more = (
        ""
        if is_last
        else f"<NextContinuationToken>{TOKEN.replace('&', '&amp;')}</NextContinuationToken>"
    )
    return (
        f"<ListBucketResult><IsTruncated>{str(not is_last).lower()}</IsTruncated>{more}"
        f"<EncodingType>url</EncodingType>{contents}"
        f"<CommonPrefixes><Prefix>{prefix.replace('/', '%2F')}%2F</Prefix></CommonPrefixes>"
        f"<CommonPrefixes><Prefix>{prefix.replace('/', '%2F')}sub%2F</Prefix></CommonPrefixes>"
        "</ListBucketResult>"
    )


class Links(HTMLParser):
    """Collects the addresses and the texts of a page's links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self._href = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._href = (dict(attrs).get("href") or "") if tag == "a" else ""

    def handle_data(self, data: str) -> None:
        if self._href:
            self.links[self._href] = data
            self._href = ""


async def get(
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    audit: Any = None,
    **grant: Any,
) -> tuple[httpx.Response, list[dict[str, list[str]]]]:
    """The answer, and the queries that the store got."""
    asked: list[dict[str, list[str]]] = []

    def store(request: httpx.Request) -> httpx.Response:
        query = parse_qs(request.url.query.decode(), keep_blank_values=True)
        asked.append(query)
        is_last = "continuation-token" in query
        return make_store_response(200, listed(query["prefix"][0], is_last=is_last))

    settings = make_app_settings(make_open_grant(**grant))
    transport = httpx.MockTransport(store)
    async with run_app(settings, audit=audit, store_transport=transport) as client:
        return await client.request(method, path, headers=headers), asked


async def test_a_page_links_to_each_name() -> None:
    answer, _ = await get("/o/demo/a/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert Links(answer.text).links == {
        ".//": "/",
        "sub/": "sub/",
        "a%20b.txt": "a b.txt",
        "%3Ci%3E.txt": "<i>.txt",
        "c%252Fd": "c%2Fd",
        "%C3%A9": "\u00e9",
        "x%3Ay": "x:y",
        "?after=1%2F%26%3D%2B": "Next page",
    }
    assert "<i>" not in answer.text
    assert '<link rel="stylesheet" href="../../../pages/base.css">' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/o/demo/a/?after=1%2F%26%3D%2B", "Index of /o/demo/a"),
        ("/o/demo/?after=1%2F%26%3D%2B", "Index of /o/demo"),
        ("/o/demo/%C3%A9%20b/?after=1%2F%26%3D%2B", "Index of /o/demo/\u00e9 b"),
        ("/o/demo/a/", "demo/a/"),  # GDAL would take this page for all that there is
    ],
)
async def test_the_last_page_has_the_title_that_gdal_reads(path: str, title: str) -> None:
    answer, _ = await get(path)
    assert f"\n<title>{title}</title>" in answer.text


async def test_a_program_gets_json() -> None:
    answer, _ = await get("/o/demo/a/", {"Accept": "application/json"})
    listing = answer.json()
    assert listing["prefix"] == "a/"
    assert listing["prefixes"] == ["a//", "a/sub/"]
    assert listing["objects"][1] == {
        "key": "a/a b.txt",
        "size": 5,
        "etag": '"e"',
        "last_modified": "2026-01-01T00:00:00.000Z",
    }
    assert listing["next"] == TOKEN
    assert answer.headers["link"] == '<?after=1%2F%26%3D%2B>; rel="next"'
    assert "Accept" in answer.headers["vary"]


async def test_the_next_page_is_after_the_token() -> None:
    answer, asked = await get("/o/demo/a/?after=1%2F%26%3D%2B", {"Accept": "application/json"})
    assert asked[0]["continuation-token"] == [TOKEN]
    assert "next" not in answer.json()
    assert "link" not in answer.headers


async def test_one_level_is_listed_with_the_grants_page_size() -> None:
    _, asked = await get("/o/demo/a/", max_keys=7)
    assert {name: asked[0][name] for name in ("list-type", "prefix", "delimiter", "max-keys")} == {
        "list-type": ["2"],
        "prefix": ["a/"],
        "delimiter": ["/"],
        "max-keys": ["7"],
    }


async def test_a_bucket_without_a_slash_is_redirected_to_its_page() -> None:
    answer, asked = await get("/o/demo")
    assert (answer.status_code, answer.headers["location"], asked) == (308, "./demo/", [])
    root, _ = await get("/o/demo/", {"Accept": "application/json"})
    assert root.json()["prefix"] == ""


@pytest.mark.parametrize(
    ("grant", "path"),
    [
        ({"allow": ["download"]}, "/o/demo/a/"),
        ({"prefix": "a/"}, "/o/demo/"),
        ({"prefix": "a/"}, "/o/demo/b/"),
        ({}, "/o/closed/"),
        ({}, "/o/unknown/"),
    ],
)
async def test_a_listing_needs_a_grant(grant: Mapping[str, Any], path: str) -> None:
    lines = list[bytes]()
    answer, asked = await get(path, audit=lines.extend, **grant)
    assert (answer.status_code, answer.json()["code"], asked) == (403, "forbidden", [])
    line = json.loads(lines[-1])
    assert (line["decision"], line["operation"]) == ("denied", "list")


async def test_a_listing_is_in_the_audit_trail() -> None:
    lines = list[bytes]()
    await get("/o/demo/a/", audit=lines.extend)
    line = json.loads(lines[-1])
    assert (line["action"], line["keys"], line["decision"]) == ("ListObjectsV2", ["a/"], "allowed")


@pytest.mark.parametrize("query", ["versionId=v", "after=", "after=a&after=b", "x=1"])
async def test_other_parameters_of_a_listing_are_refused(query: str) -> None:
    answer, asked = await get(f"/o/demo/a/?{query}")
    assert (answer.status_code, asked) == (422, [])


async def test_a_head_of_a_listing_has_its_headers() -> None:
    answer, _ = await get("/o/demo/a/", method="HEAD")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")


async def test_a_store_that_refuses_is_a_problem() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        answer = await client.get("/o/demo/a/")
    assert (answer.status_code, answer.json()["code"]) == (502, "storage_refused")


async def test_an_encoded_slash_at_the_end_names_an_object() -> None:
    answer, asked = await get("/o/demo/folder%2F")
    assert (answer.status_code, asked) == (307, [])
    assert httpx.URL(answer.headers["location"]).path == "/folder/"
