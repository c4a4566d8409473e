"""While STS, stores or issuers hang, callers of other buckets are served, over HTTP."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

from service.api.shutdown import Drain
from service.app.environment import Environment
from service.app.factory import create_app
from service.app.session_sources import CredentialOrigin, MakeSource
from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.clock import Clock
from tests.auth.mint import ISSUER, ed_key, make_token
from tests.support.app import (
    ADDRESS,
    API_KEY,
    FixedSource,
    closed_store,
    make_app_settings,
    make_open_grant,
)
from tests.support.socket_server import run_app_on_socket

MAX_IN_FLIGHT: Final = 200  # as in deploy/helm
ABUSERS: Final = 300
REQUESTS: Final = 150
STS: Final = ("no-sts-1", "no-sts-2")
STORES: Final = ("no-store-1", "no-store-2")
ISSUERS: Final = ("cluster-1", "cluster-2")
TEST_OVER = threading.Event()


async def hang() -> None:
    while not TEST_OVER.is_set():  # noqa: ASYNC110 - another thread sets it
        await asyncio.sleep(0.05)


class HangingSts(FixedSource):
    async def fetch(self, *_: Any, **_more: Any) -> Any:
        await hang()


@asynccontextmanager
async def sources(clock: Clock) -> AsyncIterator[MakeSource]:
    async def make(name: str, _: CredentialOrigin) -> FixedSource:
        return HangingSts(clock) if name in STS else FixedSource(clock)

    yield make


async def store(request: httpx.Request) -> httpx.Response:
    if request.url.host in STORES:
        await hang()
    return closed_store(request)


@asynccontextmanager
async def hanging_issuer() -> AsyncIterator[int]:
    """Yields its port. All connections are closed at the end, for the sake of later tests."""
    tasks = set[asyncio.Task[Any]]()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await hang()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*tasks)


def settings(issuer_port: int) -> Settings:
    """An ordinary caller of `demo`, and an abuser with grants on the buckets that hang."""
    ordinary = make_app_settings(make_open_grant())
    bucket = ordinary.buckets["demo"].model_dump()
    grants = [make_open_grant(bucket=name) for name in (*STS, *STORES)]
    abuser = {"api_key": "abuser", "sha256": [digest_of("abuser")], "grants": grants}
    keys = {"jwks_url": f"http://127.0.0.1:{issuer_port}/keys", "audience": ISSUER.audiences[0]}
    return Settings.model_validate(
        {
            "server": {"max_in_flight": MAX_IN_FLIGHT},
            "buckets": dict.fromkeys(("demo", *STS, *STORES), bucket),
            "callers": [ordinary.callers[0].model_dump(exclude_none=True), abuser],
            "issuers": {name: keys | {"issuer": f"https://{name}"} for name in ISSUERS},
        }
    )


@contextmanager
def serving(issuer_port: int) -> Iterator[tuple[str, int]]:
    drain, given = Drain(), settings(issuer_port)
    app = create_app(
        given,
        {name: replace(ADDRESS, host=name) for name in given.buckets},
        Environment(
            drain=drain,
            write_audit=lambda _lines: None,
            open_sources=sources,
            store_transport=httpx.MockTransport(store),
        ),
    )
    with run_app_on_socket(app, drain) as server:
        try:
            yield server.address
        finally:
            TEST_OVER.set()


def abusive_request(target: str) -> bytes:
    """A request that waits for `target`, which hangs."""
    if target in ISSUERS:
        bucket, path, token = (
            "demo",
            "/v1/download-urls",
            make_token(ed_key(), iss=f"https://{target}"),
        )
    else:
        bucket, token = target, "abuser"
        path = "/v1/object-checks" if target in STORES else "/v1/download-urls"
    body = json.dumps({"bucket": bucket, "key": "a"}).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def abuse(address: tuple[str, int], request: bytes, answers: list[int]) -> None:
    """Send it again a second after each response."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        while True:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
            answers.append(int(head.split()[1]))
            await asyncio.sleep(1)
    finally:
        writer.close()


async def ordinary(address: tuple[str, int]) -> list[int]:
    """Statuses during the abuse, for longer than an attempt at STS takes."""
    answers = []
    body = {"bucket": "demo", "key": "a"}
    host, port = address
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
        for _ in range(REQUESTS):
            reply = await client.post("/v1/download-urls", json=body, headers=headers)
            answers.append(reply.status_code)
            began = time.monotonic()
            assert (await client.get("/livez")).status_code == 200
            assert time.monotonic() - began <= 2
            await asyncio.sleep(0.03)
    return answers


@pytest.mark.slow
@pytest.mark.parametrize(
    "hanging", [STS[:1], STORES[:1], ISSUERS, STS + STORES + ISSUERS], ids="-".join
)
async def test_other_requests_are_served_while_dependencies_hang(hanging: tuple[str, ...]) -> None:
    TEST_OVER.clear()
    refused: list[int] = []
    abuses = [abusive_request(hanging[number % len(hanging)]) for number in range(ABUSERS)]
    async with hanging_issuer() as port:
        with serving(port) as address:
            tasks = [asyncio.create_task(abuse(address, each, refused)) for each in abuses]
            try:
                answers = await ordinary(address)
            finally:
                for each in tasks:
                    each.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    assert answers.count(200) >= 0.99 * REQUESTS
    # Requests above the share are refused at once, and sent again; the others only time out.
    assert set(refused) <= {503, 504}
    assert len(refused) >= ABUSERS // 2
