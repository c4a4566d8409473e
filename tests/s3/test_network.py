"""How stores are reached, over true connections on loopback: proxies, authorities, and the pool."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from httpx import AsyncHTTPTransport

from service.clock import SystemClock
from service.errors import StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import CALLS, CALLS_A_BUCKET, S3Client
from service.signing.signer import Address
from tests.auth.test_jwks import a_tls_context
from tests.s3.fake_store import (
    HEAD,
    Observer,
    a_house,
    a_leave,
    failure,
)
from tests.support.fakes import in_virtual_time

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Server:
    """Answers a request a connection once `gate` is open, and keeps what it was asked."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        await self.gate.wait()
        # To CONNECT this is no tunnel to a store that speaks TLS.
        writer.write(_ANSWER)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(
        server.serve, "127.0.0.1", 0, ssl=context, backlog=2 * CALLS
    )
    server.port = listener.sockets[0].getsockname()[1]
    server.gate.set()
    async with listener:
        yield server


@asynccontextmanager
async def calling(verify: ssl.SSLContext | None = None) -> AsyncIterator[S3Client]:
    calls = S3Client(
        clock=SystemClock(), chance=lambda: 0, observer=Observer(), verify=verify or True
    )
    try:
        yield calls
    finally:
        await calls.close()


def to(server: Server, scheme: str = "http") -> StoreAccess:
    address = Address(scheme=scheme, host=server.host, path_prefix="/", region="eu-west-1")
    return a_leave(address)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def through(server: Server, patch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES[:3]:
        patch.setenv(name, f"http://{server.host}")


async def test_what_is_not_encrypted_goes_to_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as store, serving() as proxy:
        through(proxy, monkeypatch)
        async with calling() as calls:
            await calls.send(to(store), HEAD, bucket="reports", key="a")
        assert len(store.asked) == 1
        assert store.asked[0].startswith("HEAD /a?")
        assert proxy.asked == []


async def test_what_is_encrypted_goes_through_the_proxy_that_sees_the_host_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as store, serving() as proxy:
        through(proxy, monkeypatch)
        async with calling() as calls:
            sent = calls.send(to(store, "https"), HEAD, bucket="reports", key="a")
            assert isinstance(await failure(sent), StorageUnavailable)
        assert {asked.splitlines()[0] for asked in proxy.asked} == {
            f"CONNECT {store.host} HTTP/1.1"
        }
        assert "X-Amz" not in "".join(proxy.asked)
        assert store.asked == []


async def test_a_store_of_a_private_authority_is_trusted_if_that_is_given(tmp_path: Path) -> None:
    async with serving(a_tls_context(tmp_path)) as store:
        async with calling() as calls:
            sent = calls.send(to(store, "https"), HEAD, bucket="reports", key="a")
            assert isinstance(await failure(sent), StorageUnavailable)
        assert store.asked == []
        ours = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        async with calling(ours) as calls:
            await calls.send(to(store, "https"), HEAD, bucket="reports", key="a")
        assert len(store.asked) == 1


async def test_as_many_connections_as_calls_are_open_at_once() -> None:
    async with serving() as store, calling() as calls:
        store.gate.clear()
        names = [f"b{n}" for n in range(CALLS // CALLS_A_BUCKET)] * CALLS_A_BUCKET
        sent = [
            asyncio.ensure_future(calls.send(to(store), HEAD, bucket=name, key="a"))
            for name in names
        ]
        async with asyncio.timeout(30):
            while len(store.asked) < CALLS:  # noqa: ASYNC110 - of many connections, none of which tells
                await asyncio.sleep(0.01)
        store.gate.set()
        await asyncio.gather(*sent)


async def test_the_pool_keeps_no_more_connections_than_there_are_calls() -> None:
    async with calling() as calls:
        transport = calls._client._client._transport
        assert isinstance(transport, AsyncHTTPTransport)
        assert transport._pool._max_connections == CALLS


@in_virtual_time
async def test_a_connection_is_waited_for_two_seconds_and_all_else_by_the_calls_own_limit() -> None:
    async with a_house() as house:
        await house.send()
        [request] = house.store.asked
        limits = {"connect": 2.0, "read": None, "write": None, "pool": None}
        assert request.extensions["timeout"] == limits
