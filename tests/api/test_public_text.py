"""Text that is the same for everybody is sent compressed, and nothing else is."""

import gzip
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from service.api.public_text import PublicText
from tests.api.every_call import calls, examples
from tests.support.app import (
    app_of,
    make_app_settings,
    make_open_grant,
    make_store_response,
    run_app,
)

PUBLIC: Final = [
    *("/openapi.yaml", "/openapi.json", "/errors"),
    *("/pages/base.css", "/pages/redoc.js", "/favicon.ico"),
    *("/console", "/console/main.js", "/console/base.css", "/console/icon.svg"),
]
GZIP: Final = {"Accept-Encoding": "gzip"}
PLAIN: Final = {"Accept-Encoding": "identity"}
ENTRY: Final = (
    "<Contents><Key>a.txt</Key><Size>1</Size><ETag>e</ETag>"
    "<LastModified>2026-11-28T00:00:00Z</LastModified></Contents>"
)
# What is off without a section.
SECTIONS: Final[dict[str, Any]] = {
    "console": True,
    "uppy": {"bucket": "demo", "prefix": "{caller}/"},
}


@pytest.fixture(name="opened")
async def _opened() -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(make_app_settings(make_open_grant(), **SECTIONS)) as client:
        yield client


@pytest.mark.parametrize("path", PUBLIC)
async def test_a_client_gets_public_text_as_it_accepts_it(
    opened: httpx.AsyncClient, path: str
) -> None:
    plain = await opened.get(path, headers=PLAIN)
    packed = await opened.get(path, headers=GZIP)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content  # httpx has unpacked it
    sizes = [int(each.headers["content-length"]) for each in (packed, plain)]
    assert sizes == [packed.num_bytes_downloaded, len(plain.content)]
    assert sizes[0] < sizes[1]
    assert packed.headers["content-type"] == plain.headers["content-type"]
    for each in (packed, plain):
        assert each.headers["vary"] == "Accept-Encoding"
        assert "etag" not in each.headers  # nothing keeps it: Cache-Control is no-store


@pytest.mark.parametrize("path", PUBLIC)
async def test_head_has_the_headers_of_get(opened: httpx.AsyncClient, path: str) -> None:
    for accepted in (GZIP, PLAIN):
        got = dict((await opened.get(path, headers=accepted)).headers)
        head = await opened.head(path, headers=accepted)
        assert dict(head.headers) | {"x-request-id": got["x-request-id"]} == got


async def test_no_other_answer_is_compressed(opened: httpx.AsyncClient) -> None:
    """Secrets next to text that somebody chose would show in the length."""
    bodies, packed = examples(), set()
    for method, path in calls(app_of(opened)):
        for body in bodies.get(path, [b""]):
            answer = await opened.request(method, path, content=body, headers=GZIP)
            if "content-encoding" in answer.headers:
                packed.add(path)
    assert packed == {"/openapi.yaml", "/openapi.json", "/errors", "/console", "/favicon.ico"}


async def test_no_list_of_signed_answers_or_keys_is_compressed() -> None:
    batch = {"items": [{"bucket": "demo", "key": f"{'a' * 900}{n}"} for n in range(50)]}
    page = f"<ListBucketResult>{ENTRY * 100}</ListBucketResult>"
    transport = httpx.MockTransport(lambda _: make_store_response(200, page))
    async with run_app(make_app_settings(make_open_grant()), store_transport=transport) as client:
        signed = await client.post("/v1/download-urls/batch", json=batch, headers=GZIP)
        listed = await client.get("/v1/objects?bucket=demo", headers=GZIP)
        shown = await client.get("/o/demo/", headers={**GZIP, "Accept": "text/html"})
    assert [each.status_code for each in (signed, listed, shown)] == [200, 200, 200]
    for answer in (signed, listed, shown):
        assert len(answer.content) > 5000
        assert "content-encoding" not in answer.headers


def test_each_replica_sends_the_same_bytes() -> None:
    text = PublicText(b"a" * 1000, "text/plain")
    assert text.compressed == gzip.compress(text.body, mtime=0)


async def test_what_gzip_makes_longer_stays_as_it_is(opened: httpx.AsyncClient) -> None:
    answer = await opened.get("/console/colour.css", headers=GZIP)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
