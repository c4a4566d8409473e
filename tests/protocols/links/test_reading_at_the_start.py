"""A service whose store has so many revocations that reading them takes as long as the test wants."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from pydantic_core import to_json

from service.aws_lambda import instance
from service.protocols.links.link_store import RevokedPage
from service.protocols.links.memory_link_store import MemoryLinkStore
from service.protocols.links.share_links import ShareLinks
from tests.protocols.links.harness import LINK, settings, until_looked
from tests.support.app import app_of, run_app
from tests.support.lambda_events import Kind
from tests.support.lambda_instance import run_instance

MOMENT: Final = 0.1


class Pages:
    """Pages of revocations, without an end until they `are_all`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.are_all = False
        self.numbers = itertools.count()
        monkeypatch.setattr(MemoryLinkStore, "revoked", self.next)

    async def next(self, _after: bytes | None) -> RevokedPage | None:
        await asyncio.sleep(0)
        if self.are_all:
            return None
        number = next(self.numbers)
        return RevokedPage({f"lnk_{number}": time.time() + 60}, str(number).encode())


@pytest.fixture(name="pages")
def _pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    return Pages(monkeypatch)


@asynccontextmanager
async def started(directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(settings(directory, store_url="memory://")) as client:
        signed = await client.post("/v1/download-urls", json={"bucket": "demo", "key": "a"})
        assert signed.status_code == 200
        yield client


async def test_a_start_does_not_wait_for_revocations(tmp_path: Path, pages: Pages) -> None:
    async with started(tmp_path) as client:
        assert (await client.get("/livez")).status_code == 200
        assert app_of(client).parts.use_case(ShareLinks).not_ready()


async def test_links_wait_for_revocations_and_so_does_readiness(
    tmp_path: Path, pages: Pages
) -> None:
    async with started(tmp_path) as client:
        made = (await client.post("/v1/links", json=LINK)).json()
        path = httpx.URL(made["url"]).path
        for _ in range(3):
            ready, used = await client.get("/readyz"), await client.get(path)
            assert (ready.status_code, ready.text) == (503, "the revoked links are being read")
            assert (used.status_code, used.headers["retry-after"]) == (503, "1")
        pages.are_all = True
        await until_looked(client)
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get(path)).status_code == 307


def test_an_instance_of_a_lambda_starts_before_all_is_read(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "START_SECONDS", MOMENT)
    configured = settings(tmp_path, store_url="memory://")
    with run_instance(configured, settle_seconds=MOMENT) as running:
        answer = running.send(Kind.HTTP_API, "POST", "/v1/links", to_json(LINK))
        path = httpx.URL(answer.json()["url"]).path
        read = next(pages.numbers)
        assert running.send(Kind.HTTP_API, "GET", path).status_code == 503
        assert next(pages.numbers) > read + 1  # it goes on after the answer
        pages.are_all = True
        running.send(Kind.HTTP_API, "GET", path)  # which lets it go on
        assert running.send(Kind.HTTP_API, "GET", path).status_code == 307
