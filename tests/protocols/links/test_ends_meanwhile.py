"""A link that ends while its use is being answered."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from service.app.settings import Settings
from service.protocols.links.share_links import ShareLinks
from tests.protocols.links.visitor import BROWSER, Visitor, code, run_visitor
from tests.support.app import app_of, make_store_response

FILE = b'{"name": "a.txt", "content_length": 5}'


def revoke(visitor: Visitor, path: str) -> None:
    links = app_of(visitor.client).parts.use_case(ShareLinks)
    links.configure(replace(links.configured, revoked=frozenset({visitor.id_of(path)})))


@pytest.mark.parametrize(
    ("method", "below", "text"), [("PUT", "/a.txt", b"hello"), ("POST", "", FILE)]
)
@pytest.mark.parametrize("end", ["revoked", "over"])
async def test_a_link_that_ends_during_a_body_signs_nothing(
    visitor: Visitor, method: str, below: str, text: bytes, end: str
) -> None:
    path = visitor.drop_box()

    async def body() -> AsyncIterator[bytes]:
        if end == "revoked":
            revoke(visitor, path)
        else:
            visitor.clock.moved += 3601
        yield text

    size = {"Content-Length": str(len(text))}
    answer = await visitor.send(method, path + below, size, content=body())
    expected = (404, "not_found") if end == "revoked" else (410, "link_expired")
    assert code(answer) == expected
    assert "location" not in answer.headers


async def remove_bucket(visitor: Visitor) -> None:
    services = app_of(visitor.client).services
    old = services.configuration.settings
    [caller] = old.callers
    callers = (caller.model_copy(update={"grants": ()}),)
    changed = {"callers": callers, "buckets": {"closed": old.buckets["closed"]}}
    sections = {name: getattr(old, name) for name in Settings.model_fields}
    await services.reconfigure(Settings.model_validate(sections | changed))


async def test_a_bucket_removed_during_a_pages_body_ends_its_drop_box(visitor: Visitor) -> None:
    async def body() -> AsyncIterator[bytes]:
        await remove_bucket(visitor)
        yield FILE

    size = {"Content-Length": str(len(FILE))}
    answer = await visitor.send("POST", visitor.drop_box(), size, content=body())
    assert code(answer) == (404, "not_found")


async def test_a_bucket_removed_during_a_look_ends_its_link(tmp_path: Path) -> None:
    async def store(_: httpx.Request) -> httpx.Response:
        await remove_bucket(visitor)
        return make_store_response(200, "")

    transport = httpx.MockTransport(store)
    async with run_visitor(tmp_path, store_transport=transport) as visitor:
        navigation = {**BROWSER, "Sec-Fetch-Dest": "document"}
        answer = await visitor.send("GET", visitor.link(), navigation)
    assert answer.status_code == 404
