"""A link to one object is made only if the store does not say that there is none."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from service.concurrency.shared_attempts import attempt
from service.protocols.links import linked_objects
from tests.protocols.links.harness import LINK, settings
from tests.support.app import make_store_response, run_app

Answer = Callable[[httpx.Request], httpx.Response]
BOX: Final = {"bucket": "demo", "prefix": "in/", "operations": ["upload"]}


def fails(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("late", request=request)


@asynccontextmanager
async def client_of(
    directory: Path, answer: Answer, audit: list[bytes] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    lines = [] if audit is None else audit
    transport = httpx.MockTransport(answer)
    async with run_app(
        settings(directory), audit=lines.extend, store_transport=transport
    ) as client:
        yield client


async def test_a_link_to_no_object_is_refused(tmp_path: Path) -> None:
    asked, lines = list[httpx.Request](), list[bytes]()

    def missing(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return make_store_response(404, "")

    async with client_of(tmp_path, missing, lines) as client:
        refused = await client.post("/v1/links", json=LINK)
        assert (await client.post("/v1/links", json=BOX)).status_code == 201
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["pointer"] == "#/key"
    [head] = asked  # a prefix may be empty
    assert (head.method, head.url.path) == ("HEAD", "/a/b.txt")
    assert b'"action":"HeadObject"' in lines[0]
    assert b'"reason":"invalid_request"' in lines[1]


LISTED: Final = "<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>"
ITSELF: Final = (
    "<Contents><Key>a/b.txt</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified>"
    '<ETag>"e"</ETag><Size>5</Size></Contents>'
)


@pytest.mark.parametrize(
    ("status", "found", "made"), [(200, "", 422), (200, ITSELF, 201), (403, "", 201)]
)
async def test_after_a_403_the_key_is_listed(
    tmp_path: Path, status: int, found: str, made: int
) -> None:
    """AWS refuses a HEAD of a missing key to a role that lists below a prefix only."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            return make_store_response(403, "")
        assert request.url.params["prefix"] == "a/b.txt"
        return make_store_response(status, LISTED.format(found))

    async with client_of(tmp_path, answer) as client:
        assert (await client.post("/v1/links", json=LINK)).status_code == made


@pytest.mark.parametrize("status", [200, 403, 400, 503])
async def test_a_store_that_does_not_say_so_refuses_no_link(tmp_path: Path, status: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return make_store_response(status, "", {"content-length": "5"})

    async with client_of(tmp_path, answer) as client:
        assert (await client.post("/v1/links", json=LINK)).status_code == 201


async def test_a_store_out_of_reach_refuses_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(tmp_path, fails) as client:
        assert (await client.post("/v1/links", json=LINK)).status_code == 201
        monkeypatch.setattr(linked_objects, "attempt", lambda work, _: attempt(work, 0))
        assert (await client.post("/v1/links", json=LINK)).status_code == 201


async def test_nobody_learns_of_objects_without_a_grant(tmp_path: Path) -> None:
    asked = list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return make_store_response(404, "")

    async with client_of(tmp_path, answer) as client:
        refused = await client.post("/v1/links", json=LINK | {"bucket": "closed"})
    assert refused.status_code == 403
    assert asked == []
