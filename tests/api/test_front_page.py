"""`/` over ASGI: a page for browsers, and nothing for programs."""

import re
from typing import Any, Final
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.app import make_app_settings, make_open_grant, run_app

STYLED: Final = ["icon.svg", "base.css", "document.css"]
BROWSER: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def front_page(
    accept: str | None = BROWSER, method: str = "GET", path: str = "/", **settings: Any
) -> httpx.Response:
    """The answer to a client without a key."""
    async with run_app(make_app_settings(make_open_grant(), **settings)) as client:
        del client.headers["Authorization"]
        headers = {} if accept is None else {"Accept": accept}
        return await client.request(method, path, headers=headers)


def links(answer: httpx.Response) -> list[str]:
    return re.findall('<a href="([^"]*)"', answer.text)


@pytest.mark.parametrize(
    ("settings", "linked", "named"),
    [
        ({}, ["docs", "openapi.json", "errors"], True),
        ({"console": True, "objects": False}, ["console", "docs", "openapi.json", "errors"], False),
    ],
)
async def test_a_browser_gets_a_page_with_what_is_on(
    settings: dict[str, Any], linked: list[str], *, named: bool
) -> None:
    answer = await front_page(**settings)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")
    assert links(answer) == linked
    assert ("/o/{bucket}/{key}" in answer.text) is named


async def test_each_link_of_the_page_leads_somewhere() -> None:
    async with run_app(make_app_settings(make_open_grant(), console=True)) as client:
        answer = await client.get("/", headers={"Accept": BROWSER})
        page = {"Accept": BROWSER}
        found = {(await client.get(link, headers=page)).status_code for link in links(answer)}
        assert found == {200}


async def test_the_page_may_load_and_run_nothing() -> None:
    answer = await front_page()
    assert answer.headers["content-security-policy"].startswith("default-src 'none';")
    assert "<script" not in answer.text


async def test_the_page_names_no_bucket_and_no_caller() -> None:
    text = (await front_page(console=True)).text
    assert not any(name in text for name in ("demo", "closed", "tester"))


async def test_a_head_has_the_headers_of_the_page() -> None:
    answer = await front_page(method="HEAD")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "application/json, text/html;q=0.9", "image/png"]
)
@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_program_gets_the_404_of_an_unknown_path(path: str, accept: str | None) -> None:
    answer = await front_page(accept, path=path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_docs_run_no_script_but_their_own() -> None:
    """And none that is text: neither in the page nor by eval."""
    answer = await front_page(path="/docs")
    policy = dict(
        each.split(maxsplit=1) for each in answer.headers["content-security-policy"].split("; ")
    )
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert re.findall("<script[^>]*>([^<]*)", answer.text) == ["", ""]


async def test_each_page_has_the_style_and_icon_of_the_console() -> None:
    """By relative references, because a proxy may serve the pages below a path."""
    async with run_app(make_app_settings(make_open_grant())) as client:
        for path in ("/", "/errors"):
            page = await client.get(path, headers={"Accept": BROWSER})
            references = re.findall('<link [^>]*href="([^"]+)"', page.text)
            assert [each.rpartition("/")[2] for each in references] == STYLED
            for each in references:
                file = await client.get(urljoin(str(page.url), each))
                assert (file.status_code, not file.content) == (200, False)
        docs = await client.get("/docs", headers={"Accept": BROWSER})
        for each in re.findall('(?:href|src)="(pages/[^"]+)"', docs.text):
            assert (await client.get(each)).status_code == 200, each
        assert (await client.get("/pages/main.js")).status_code == 404
        icon = await client.get("/favicon.ico")
    assert icon.headers["content-type"] == "image/svg+xml"
