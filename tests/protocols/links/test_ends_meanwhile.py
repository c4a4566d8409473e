"""A link that ends while its use is being answered."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from service.protocols.links.share_links import ShareLinks
from tests.protocols.links.visitor import Visitor, code
from tests.support.app import app_of

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
