"""What people see of a link in a browser: pages, and what the pages ask for."""

import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import httpx
import pytest

from service.protocols.links.linked_objects import SeenObject
from service.protocols.links.pages import file_page
from service.protocols.links.tickets import LinkTicket
from tests.protocols.links.factories import EXAMPLE
from tests.protocols.links.visitor import BROWSER, Visitor, code, end_windows, run_visitor
from tests.support.app import app_of
from tests.support.cloudfront import ORIGIN, make_delivery
from tests.support.factories import make_bucket, make_snapshot
from tests.support.valkey import Valkey


async def test_a_drop_box_has_a_page_that_may_reach_the_store(visitor: Visitor) -> None:
    path = visitor.drop_box()
    answer = await visitor.send("GET", path, BROWSER)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self' https://demo.s3.example;" in policy
    assert "require-trusted-types-for 'script'" in policy
    slashed = await visitor.send("GET", f"{path}/", BROWSER)
    assert slashed.status_code == 308
    assert slashed.headers["location"] == f"../{path.removeprefix('/l/')}"


async def test_the_page_of_a_drop_box_says_what_is_accepted(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"max_content_length": 10, "content_types": ["text/plain", "image/*"]}
    async with run_visitor(tmp_path, **limits) as visitor:
        page = (await visitor.send("GET", visitor.drop_box(), BROWSER)).text
    assert 'accept="image/*, text/plain"' in page
    assert 'data-most="10"' in page


async def test_only_the_files_of_the_pages_are_compressed(visitor: Visitor) -> None:
    """A page has its link's secret, next to what the link's maker chose."""
    accepted = {"Accept-Encoding": "gzip"}
    page = await visitor.send("GET", visitor.drop_box(), {**BROWSER, **accepted})
    assert "content-encoding" not in page.headers
    for name in ("drop_box.js", "base.css", "client/store.js"):
        file = await visitor.send("GET", f"/links/{name}", accepted)
        assert (file.status_code, file.headers["content-encoding"]) == (200, "gzip")


async def test_head_of_a_drop_box_is_answered_like_get(visitor: Visitor) -> None:
    path = visitor.drop_box()
    for rest, status in (("", 200), ("/", 308)):
        answer = await visitor.send("HEAD", path + rest)
        assert (answer.status_code, answer.content) == (status, b"")


async def test_the_page_of_a_drop_box_gets_what_to_send(visitor: Visitor) -> None:
    file = {"name": "../a b.txt", "content_length": 5, "content_type": "text/plain"}
    answer = await visitor.send("POST", visitor.drop_box(), json=file)
    signed = answer.json()
    assert (answer.status_code, signed["method"]) == (200, "PUT")
    assert signed["headers"] == {"content-type": "text/plain", "if-none-match": "*"}
    assert unquote(urlsplit(signed["url"]).path).endswith(" .._a b.txt")
    unknown = await visitor.send("POST", visitor.drop_box(), json=file | {"x": 1})
    assert code(unknown) == (422, "invalid_request")


async def test_an_encoded_body_from_the_page_is_refused(visitor: Visitor) -> None:
    encoded = {"Content-Encoding": "gzip"}
    answer = await visitor.send("POST", visitor.drop_box(), encoded, content=b"x")
    assert code(answer) == (415, "unsupported_media_type")


async def test_a_body_from_the_page_takes_a_slot(visitor: Visitor) -> None:
    bodies, held = app_of(visitor.client).parts.limits.bodies, list[int]()

    async def body() -> AsyncIterator[bytes]:
        held.append(len(bodies._held))
        yield b"{}"

    await visitor.send("POST", visitor.drop_box(), content=body())
    assert (held, len(bodies._held)) == ([1], 0)


async def test_the_files_of_the_pages_are_served(visitor: Visitor) -> None:
    seen = set[str]()
    linked = {
        "times.js",
        "base.css",
        "controls.css",
        "uploads.css",
        "link.css",
        "icon.svg",
        "drop_box.js",
    }
    while unseen := linked - seen:
        name = unseen.pop()
        seen.add(name)
        answer = await visitor.send("GET", f"/links/{name}")
        assert answer.status_code == 200, name
        linked |= {urljoin(name, each) for each in re.findall(r'from "([^"]+)"', answer.text)}
    assert "client/store.js" in seen
    for name in ("main.js", "client/presign.js"):
        assert (await visitor.send("GET", f"/links/{name}")).status_code == 404


async def test_a_counted_link_shows_browsers_a_button(tmp_path: Path, valkey: Valkey) -> None:
    async with run_visitor(tmp_path, store_url=valkey.url) as visitor:
        path = await visitor.counted_link(key="a/<i>.txt")
        page = await visitor.send("GET", path, BROWSER)
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        assert "&lt;i&gt;.txt" in page.text
        assert (
            "form-action 'self' https://demo.s3.example" in page.headers["content-security-policy"]
        )
        assert "script-src 'self'" in page.headers["content-security-policy"]


def test_the_button_may_lead_to_cloudfront() -> None:
    bucket = make_bucket(cloudfront=make_delivery())
    page = file_page(
        LinkTicket(replace(EXAMPLE, max_uses=1), "lnk_1", "sealed"),
        SeenObject(),
        make_snapshot(buckets={EXAMPLE.bucket: bucket}),
    )
    targets = f"form-action 'self' {bucket.address.origin} {ORIGIN}"
    assert targets in page.headers["content-security-policy"]


async def test_the_button_uses_the_link(tmp_path: Path, valkey: Valkey) -> None:
    async with run_visitor(tmp_path, store_url=valkey.url) as visitor:
        unknown = visitor.link(max_uses=1)
        assert (await visitor.send("POST", unknown)).status_code == 410
        answer = await visitor.send("POST", await visitor.counted_link())
        assert answer.status_code == 303
        url = urlsplit(answer.headers["location"])
        assert (url.netloc, url.path) == ("demo.s3.example", "/a/b.txt")
        # The page stays open, so that its button can be pressed again.
        disposition = parse_qs(url.query)["response-content-disposition"]
        assert disposition == ['attachment; filename="b.txt"']


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_button_is_shown_that_must_fail(
    tmp_path: Path, valkey: Valkey, method: str
) -> None:
    async with run_visitor(tmp_path, store_url=valkey.url) as visitor:
        path = await visitor.counted_link()
        for _ in range(3):  # nor does the page use anything
            assert (await visitor.send("GET", path, BROWSER)).status_code == 200
        assert (await visitor.send("POST", path)).status_code == 303
        assert (await visitor.send("GET", path, BROWSER)).status_code == 200  # in its window
        end_windows(valkey)
        answer = await visitor.send(method, path, BROWSER)
    assert answer.status_code == 410
    assert "This link has expired" in page_of(answer)
    assert "<button" not in answer.text


def page_of(answer: httpx.Response) -> str:
    """The page without its request id."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    return answer.text.replace(answer.headers["x-request-id"], "")


async def test_people_read_a_refusal_as_a_page(visitor: Visitor) -> None:
    over = visitor.link()
    early = visitor.link(not_before=int(time.time()) + 1000, expires_at=int(time.time()) + 9000)
    unknown = [early, visitor.link(bucket="gone"), "/l/x", "/l/", f"{over}x"]
    pages = [page_of(await visitor.send("GET", path, BROWSER)) for path in unknown]
    assert len({*pages}) == 1
    assert "This link does not work" in pages[0]
    visitor.clock.moved = 3700.0
    answer = await visitor.send("GET", over, BROWSER)
    assert answer.status_code == 410
    assert "This link has expired." in page_of(answer)


async def test_a_page_finds_its_style_below_a_prefix(visitor: Visitor) -> None:
    answer = await visitor.send("GET", f"{visitor.link()}/a/b", BROWSER)
    assert 'href="../../../links/base.css"' in page_of(answer)


async def test_people_are_asked_to_wait_for_the_store(tmp_path: Path, valkey: Valkey) -> None:
    async with run_visitor(tmp_path, store_url=valkey.url) as visitor:
        valkey.stop()
        for method in ("GET", "POST"):
            answer = await visitor.send(method, visitor.link(max_uses=1), BROWSER)
            assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
            assert "This link cannot be opened now" in page_of(answer)
