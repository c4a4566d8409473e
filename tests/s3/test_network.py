"""Real connections on loopback: proxies, certificate authorities and the connection pool."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.clock import SystemClock
from service.errors import StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import CALLS, CALLS_A_BUCKET, S3Client
from service.signing.signer import Address
from tests.auth.test_jwks import make_tls_context
from tests.s3.fake_store import HEAD, Harness, Observer, error_of, make_store_access, with_harness

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Server:
    """Answers one request for each connection while `gate` is set, and records the requests."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        await self.gate.wait()
        # For CONNECT this is not a TLS tunnel.
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
    client = S3Client(
        clock=SystemClock(), chance=lambda: 0, observer=Observer(), verify=verify or True
    )
    try:
        yield client
    finally:
        await client.close()


def to(server: Server, scheme: str = "http") -> StoreAccess:
    address = Address(scheme=scheme, host=server.host, path_prefix="/", region="eu-west-1")
    return make_store_access(address)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def test_https_alone_uses_a_proxy_that_sees_only_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as store, serving() as proxy:
        for name in _PROXIES[:3]:
            monkeypatch.setenv(name, f"http://{proxy.host}")
        async with calling() as client:
            await client.send(to(store), HEAD, bucket="reports", key="a")
            assert (len(store.requests), proxy.requests) == (1, [])
            sent = client.send(to(store, "https"), HEAD, bucket="reports", key="a")
            assert isinstance(await error_of(sent), StorageUnavailable)
        heads = {each.splitlines()[0] for each in proxy.requests}
        assert heads == {f"CONNECT {store.host} HTTP/1.1"}
        assert "X-Amz" not in "".join(proxy.requests)
        assert len(store.requests) == 1


async def test_a_private_certificate_authority_can_be_trusted(tmp_path: Path) -> None:
    async with serving(make_tls_context(tmp_path)) as store:
        async with calling() as client:
            sent = client.send(to(store, "https"), HEAD, bucket="reports", key="a")
            assert isinstance(await error_of(sent), StorageUnavailable)
        assert store.requests == []
        ours = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        async with calling(ours) as client:
            await client.send(to(store, "https"), HEAD, bucket="reports", key="a")
        assert len(store.requests) == 1


async def test_all_calls_can_have_a_connection_at_once() -> None:
    async with serving() as store, calling() as client:
        store.gate.clear()
        names = [f"b{n}" for n in range(CALLS // CALLS_A_BUCKET)] * CALLS_A_BUCKET
        sent = [
            asyncio.ensure_future(client.send(to(store), HEAD, bucket=name, key="a"))
            for name in names
        ]
        async with asyncio.timeout(30):
            while len(store.requests) < CALLS:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)
        store.gate.set()
        await asyncio.gather(*sent)


@with_harness
async def test_only_connecting_has_a_timeout_of_its_own(harness: Harness) -> None:
    await harness.send()
    [request] = harness.store.requests
    limits = {"connect": 2.0, "read": None, "write": None, "pool": None}
    assert request.extensions["timeout"] == limits
