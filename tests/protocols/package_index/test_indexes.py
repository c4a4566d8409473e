"""`/simple/{index}/{project}/` over ASGI: pages, names, and who may see them."""

import base64
import json
from typing import Any, Final
from urllib.parse import urljoin

import httpx
import pytest

from service.presigning.listings import MAX_PAGES
from service.protocols.package_index.pages import HTML, JSON
from service.protocols.package_index.routes import PackageIndexes
from tests.protocols.package_index.harness import (
    INDEX,
    KEYS,
    MODIFIED,
    WHEEL,
    ListedStore,
    get,
    run_index,
)
from tests.support.app import API_KEY, app_of

PROJECT: Final = f"{INDEX}tinypkg/"
PIP: Final = f"{JSON}, {HTML}; q=0.1, text/html; q=0.01"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_index_lists_directories_with_normalized_names() -> None:
    answer = await get(INDEX, PIP)
    assert answer.headers["content-type"] == JSON
    assert answer.json() == {
        "meta": {"api-version": "1.1"},
        "projects": [{"name": "a-b"}, {"name": "tinypkg"}],
    }
    page = await get(INDEX)
    assert '<a href="a-b/">a-b</a>' in page.text
    assert page.text.count("<a ") == 2


async def test_a_project_lists_its_files_as_object_urls() -> None:
    answer = await get(PROJECT, PIP)
    assert answer.json() == {
        "meta": {"api-version": "1.1"},
        "name": "tinypkg",
        "versions": ["0.9", "1.0"],
        "files": [
            {
                "filename": "tinypkg-0.9.tar.gz",
                "url": "../../../o/demo/pypi/tinypkg/tinypkg-0.9.tar.gz",
                "hashes": {},
                "size": 5,
                "core-metadata": False,
                "upload-time": MODIFIED,
            },
            {
                "filename": WHEEL,
                "url": f"../../../o/demo/pypi/tinypkg/{WHEEL}",
                "hashes": {},
                "size": 5,
                "core-metadata": True,
                "upload-time": MODIFIED,
            },
        ],
    }


async def test_the_html_of_a_project_links_to_its_files() -> None:
    page = (await get(PROJECT)).text
    url = f"../../../o/demo/pypi/tinypkg/{WHEEL}"
    assert f'<a href="{url}" data-core-metadata="true">{WHEEL}</a>' in page
    assert page.count("<a ") == 2
    assert page.count("data-core-metadata") == 1


async def test_a_files_link_leads_to_the_object_at_the_store() -> None:
    async with run_index(ListedStore(KEYS)) as client:
        [_, file] = (await client.get(PROJECT, headers={"Accept": JSON})).json()["files"]
        answer = await client.get(urljoin(PROJECT, file["url"]))
    assert answer.status_code == 307
    assert httpx.URL(answer.headers["location"]).path == f"/pypi/tinypkg/{WHEEL}"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("application/pdf", "text/html; charset=utf-8"),
        (PIP, JSON),
        (f"{JSON};q=0.2, {HTML}", HTML),
        (f"text/html;q=0.5, {HTML};q=0.4", "text/html; charset=utf-8"),
    ],
)
async def test_accept_chooses_the_format(accept: str | None, media_type: str) -> None:
    answer = await get(PROJECT, accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert "Accept" in answer.headers["vary"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_head_has_the_headers_of_a_get() -> None:
    answer = await get(PROJECT, JSON, method="HEAD")
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/simple/wheels", INDEX),
        ("/simple/wheels/tinypkg", PROJECT),
        ("/simple/wheels/Tiny.Pkg", "/simple/wheels/tiny-pkg/"),
        ("/simple/wheels/TinyPkg/", PROJECT),
        ("/simple/wheels/a_-.b/", "/simple/wheels/a-b/"),
        ("/simple/unknown/A.B/", "/simple/unknown/a-b/"),
    ],
)
async def test_another_spelling_is_redirected_to_the_normalized(path: str, location: str) -> None:
    store = ListedStore(KEYS)
    answer = await get(path, store=store)
    assert (answer.status_code, store.asked) == (308, [])
    assert urljoin(path, answer.headers["location"]) == location
    assert not answer.headers["location"].startswith("/")


@pytest.mark.parametrize(
    "path",
    [
        *("/simple/", "/simple//", f"{PROJECT}x/", f"{INDEX}a%2Fb/", f"{INDEX}-a/", f"{INDEX}/"),
        f"/simple/{'a' * 64}/",
    ],
)
async def test_other_paths_name_nothing(path: str) -> None:
    assert code(await get(path)) == (404, "not_found")


@pytest.mark.parametrize(
    "keys", [[], ["pypi/none/"], ["pypi/none/.."], ["pypi/none/deeper/x-1.tar.gz"]]
)
async def test_a_project_without_files_is_not_found(keys: list[str]) -> None:
    answer = await get(f"{INDEX}none/", JSON, store=ListedStore(keys))
    assert code(answer) == (404, "not_found")


async def test_an_empty_index_has_no_projects() -> None:
    answer = await get(INDEX, JSON, store=ListedStore([]))
    assert answer.json()["projects"] == []


async def test_all_pages_are_one_answer() -> None:
    store = ListedStore([f"pypi/p{n}/p-1.tar.gz" for n in range(MAX_PAGES)], page=1)
    answer = await get(INDEX, JSON, store=store)
    assert len(answer.json()["projects"]) == len(store.asked) == MAX_PAGES
    assert {each["max-keys"] for each in store.asked} == {"1000"}
    assert {each["delimiter"] for each in store.asked} == {"/"}


async def test_too_many_pages_are_a_problem() -> None:
    store = ListedStore([f"pypi/p{n}/p-1.tar.gz" for n in range(MAX_PAGES + 1)], page=1)
    answer = await get(INDEX, JSON, store=store)
    assert code(answer) == (422, "invalid_request")
    assert "more than 20 pages" in answer.json()["detail"]
    assert len(store.asked) == MAX_PAGES


async def test_a_grants_page_size_is_kept() -> None:
    store = ListedStore(KEYS)
    answer = await get(PROJECT, JSON, store=store, max_keys=1)
    assert len(answer.json()["files"]) == 2
    assert [each["max-keys"] for each in store.asked] == ["1"] * 4


@pytest.mark.parametrize("name", ["<i>.whl", "a b#c?.tar.gz", "\u00e9.zip", "x:y.whl"])
async def test_a_name_is_encoded_in_the_link_and_escaped(name: str) -> None:
    key = f"pypi/tinypkg/{name}"
    answer = await get(PROJECT, store=ListedStore([key]))
    assert "<i>" not in answer.text
    href = answer.text.partition('<a href="')[2].partition('"')[0]
    assert httpx.URL(href).path == f"../../../o/demo/{key}"


async def test_an_upload_time_in_another_form_is_left_out() -> None:
    store = ListedStore(KEYS, modified="yesterday")
    answer = await get(PROJECT, JSON, store=store)
    assert all("upload-time" not in each for each in answer.json()["files"])


async def test_a_query_is_refused() -> None:
    assert code(await get(f"{PROJECT}?format=json")) == (422, "invalid_request")


@pytest.mark.parametrize("path", [PROJECT, INDEX, "/simple/unknown/tinypkg/", "/simple/demo/"])
async def test_an_unknown_index_looks_like_a_forbidden_one(path: str) -> None:
    lines, store = list[bytes](), ListedStore(KEYS)
    prefix = "elsewhere/" if path.startswith(INDEX) else ""
    answer = await get(path, audit=lines.extend, store=store, prefix=prefix)
    assert code(answer) == (403, "forbidden")
    assert answer.json()["detail"] == "You have no grant for this bucket, key and operation."
    assert store.asked == []
    line = json.loads(lines[-1])
    assert (line["decision"], line["operation"]) == ("denied", "list")


async def test_an_index_needs_a_grant_to_list() -> None:
    assert code(await get(PROJECT, allow=["download"])) == (403, "forbidden")


async def test_a_grant_for_one_project_is_enough_for_it() -> None:
    grant: dict[str, Any] = {"prefix": "pypi/tinypkg/"}
    assert (await get(PROJECT, **grant)).status_code == 200
    assert code(await get(INDEX, **grant)) == (403, "forbidden")


async def test_each_page_is_in_the_audit_trail() -> None:
    lines = list[bytes]()
    await get(PROJECT, audit=lines.extend, max_keys=2, allow=["list"])
    kept = [json.loads(line) for line in lines]
    assert [(each["action"], each["keys"], each["decision"]) for each in kept] == [
        ("ListObjectsV2", ["pypi/tinypkg/"], "allowed")
    ] * 2


async def test_each_page_counts_against_the_rate() -> None:
    answer = await get(PROJECT, rate_limit="1/minute", max_keys=2)
    assert code(answer) == (429, "rate_limited")


async def test_basic_is_accepted_and_both_schemes_are_offered() -> None:
    basic = base64.b64encode(f"any:{API_KEY}".encode()).decode()
    async with run_index(ListedStore(KEYS)) as client:
        known = await client.get(PROJECT, headers={"Authorization": f"Basic {basic}"})
        unknown = await client.get(PROJECT, headers={"Authorization": "Basic eDp5"})
    assert known.status_code == 200
    assert code(unknown) == (401, "unauthenticated")
    schemes = unknown.headers.get_list("www-authenticate")
    assert schemes == ['Basic realm="presign"', "Bearer"]


async def test_an_index_that_a_reload_removed_is_gone() -> None:
    async with run_index(ListedStore(KEYS)) as client:
        app_of(client).parts.use_case(PackageIndexes).configure(None)
        answers = [await client.get(path) for path in (PROJECT, "/simple/wheels/X/")]
    assert {code(answer) for answer in answers} == {(404, "not_found")}


@pytest.mark.parametrize("path", ["/simple/wheels", "/simple/wheels/", "/simple/any/tinypkg/"])
async def test_publishing_is_told_how_a_file_gets_there(path: str) -> None:
    async with run_index(ListedStore(KEYS)) as client:
        sent = {"content": ("a.whl", b"x")}
        answer = await client.post(path, files=sent, auth=("__token__", API_KEY))
    assert code(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"
    assert "presign put" in answer.json()["detail"]
