"""A link to one file in a browser: a page about the file, and never the store's XML."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from service.protocols.links.pages import sized
from tests.protocols.links.visitor import BROWSER, Visitor, code, run_visitor, target
from tests.support.app import make_store_response
from tests.support.valkey import Valkey

OPENED: Final = {**BROWSER, "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
PDF: Final = {"content-length": "3355443", "content-type": "application/pdf"}


@asynccontextmanager
async def visiting(
    tmp_path: Path, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any
) -> AsyncIterator[Visitor]:
    """The store answers every HEAD with this."""

    def answer(request: httpx.Request) -> httpx.Response:
        return make_store_response(status, "", headers)

    async with run_visitor(tmp_path, store_transport=httpx.MockTransport(answer), **more) as each:
        yield each


async def test_a_browser_sees_what_the_file_is(tmp_path: Path) -> None:
    lines = list[bytes]()
    async with visiting(tmp_path, headers=PDF, audit=lines.extend) as visitor:
        path = visitor.link(filename="<q3>.pdf", label="Ann & Co", message="As promised")
        page = await visitor.send("GET", path, OPENED)
        pressed = await visitor.send("POST", path, OPENED)
    assert page.status_code == 200
    for text in ("&lt;q3&gt;.pdf", "3.2 MB", "application/pdf", "Ann &amp; Co", "As promised"):
        assert text in page.text
    assert page.text.count("<button") == 1
    assert "This link can be used" not in page.text
    assert page.headers["x-robots-tag"] == "noindex"
    assert pressed.status_code == 303
    assert "attachment" in pressed.headers["location"]
    found = [json.loads(line) for line in lines]
    assert [each.get("action") for each in found] == ["HeadObject", "HeadObject", None]
    assert {each["link_id"] for each in found} == {visitor.id_of(path)}


def picture_of(page: httpx.Response) -> str:
    found = re.search(r'<img class="picture" src="([^"]*)"', page.text)
    assert found is not None
    return found[1]


async def test_a_picture_is_shown_by_its_own_link(tmp_path: Path) -> None:
    async with visiting(tmp_path, headers=PDF | {"content-type": "image/png"}) as visitor:
        path = visitor.link()
        page = await visitor.send("GET", path, OPENED)
        assert picture_of(page) == path.rpartition("/")[2]
        shown = await visitor.send("GET", path, {"Sec-Fetch-Dest": "image"})
    policy = page.headers["content-security-policy"]
    store = "{0.scheme}://{0.netloc}".format(urlsplit(shown.headers["location"]))
    assert f"img-src 'self' {store};" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy


@pytest.mark.parametrize(
    "headers",
    [
        PDF,
        {"content-type": "image/png"},  # of an unknown size
        *(PDF | {"content-type": kind} for kind in ("image/svg+xml", "text/html", "IMAGE/x")),
        {"content-type": "image/png", "content-length": str(20 * 1024**2 + 1)},
    ],
)
async def test_what_is_no_picture_of_its_size_is_not_shown(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with visiting(tmp_path, headers=headers) as visitor:
        page = await visitor.send("GET", visitor.link(), OPENED)
    assert picture_of(page) == ""
    assert "img-src 'self';" in page.headers["content-security-policy"]


async def test_a_counted_link_shows_no_picture(tmp_path: Path, valkey: Valkey) -> None:
    picture = PDF | {"content-type": "image/png"}
    async with visiting(tmp_path, headers=picture, store_url=valkey.url) as visitor:
        page = await visitor.send("GET", await visitor.counted_link(1), OPENED)
    assert picture_of(page) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": "*/*"},
        {"Accept": "text/html, image/gif, *; q=.2"},  # Java's HttpURLConnection
        {"Accept": "image/avif,*/*", "Sec-Fetch-Dest": "image"},
        {"Accept": "*/*", "Sec-Fetch-Dest": "video"},
        {"Accept": "*/*", "Sec-Fetch-Dest": "empty"},  # fetch
        {**BROWSER, "Sec-Fetch-Dest": "iframe"},
        {**BROWSER, "Sec-Fetch-Dest": "empty"},  # <a download>
        {**OPENED, "Range": "bytes=10-"},
        BROWSER,  # over http, where browsers do not say what they ask for
    ],
)
async def test_whatever_else_asks_is_redirected(tmp_path: Path, headers: dict[str, str]) -> None:
    async with visiting(tmp_path, headers=PDF) as visitor:
        assert target(await visitor.send("GET", visitor.link(), headers))[0] == "/a/b.txt"


async def test_a_head_and_a_prefix_have_no_page(tmp_path: Path) -> None:
    async with visiting(tmp_path, headers=PDF) as visitor:
        assert target(await visitor.send("HEAD", visitor.link(), OPENED))
        site = visitor.link(key="site/", is_prefix=True)
        assert target(await visitor.send("GET", f"{site}/index.html", OPENED))


async def test_a_person_never_reads_the_stores_xml(tmp_path: Path, valkey: Valkey) -> None:
    async with visiting(tmp_path, 404, store_url=valkey.url) as visitor:
        site = visitor.link(key="site/", is_prefix=True)
        counted = await visitor.counted_link(1)
        for method, path, headers in (
            ("GET", visitor.link(), OPENED),
            ("GET", visitor.link(), BROWSER),
            ("POST", visitor.link(), OPENED),
            ("GET", f"{site}/x.html", OPENED),
            ("GET", counted, BROWSER),
            ("POST", counted, BROWSER),
        ):
            answer = await visitor.send(method, path, headers)
            assert answer.status_code == 404
            assert "The file is not there" in answer.text
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        problem = await visitor.send("POST", visitor.link())
        assert code(problem) == (404, "not_found")
        assert target(await visitor.send("GET", counted))  # no use was lost


@pytest.mark.parametrize("status", [403, 500])
async def test_what_the_store_does_not_say_is_left_out(tmp_path: Path, status: int) -> None:
    async with visiting(tmp_path, status) as visitor:
        page = await visitor.send("GET", visitor.link(), OPENED)
    assert page.status_code == 200
    assert "Size" not in page.text
    assert "Available until" in page.text


@pytest.mark.parametrize(
    ("method", "statuses"), [("GET", [200, 200, 429]), ("POST", [303, 429, 429])]
)
async def test_each_look_at_the_store_counts_as_a_url(
    tmp_path: Path, method: str, statuses: list[int]
) -> None:
    lines = list[bytes]()
    async with visiting(
        tmp_path, headers=PDF, rate_limit="2/minute", audit=lines.extend
    ) as visitor:
        path = visitor.link()
        found = [(await visitor.send(method, path, OPENED)).status_code for _ in range(3)]
    assert found == statuses
    looks = [line for line in lines if b'"allowed"' in line and b"HeadObject" in line]
    assert len(looks) == 3 - statuses.count(429)


async def test_a_name_shows_its_true_ending(tmp_path: Path) -> None:
    async with visiting(tmp_path) as visitor:
        page = await visitor.send("GET", visitor.link(key="gpj.\u202eexe"), OPENED)
    assert "\u202e" not in page.text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1 KB"),
        (1536, "1.5 KB"),
        (5 * 1024**4, "5 TB"),
        (200 * 1024**2, "200 MB"),
        (2048 * 1024**4, "2048 TB"),
    ],
)
def test_a_size_is_in_the_words_of_the_console(count: int, text: str) -> None:
    assert sized(count) == text
