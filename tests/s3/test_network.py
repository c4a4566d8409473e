"""Real connections on loopback: proxies, certificate authorities and the connection pool."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from service.clock import SystemClock
from service.errors import StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import CALLS, CALLS_PER_BUCKET, S3Client
from service.signing.signer import Address
from tests.s3.fake_store import HEAD, Harness, Observer, error_of, make_store_access, with_harness
from tests.support.stub_server import StubServer, make_tls_context, response, sends, serving
from tests.support.waiting import until

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
ANSWER: Final = sends(response())  # for CONNECT this is not a TLS tunnel


@asynccontextmanager
async def calling(tls: ssl.SSLContext | None = None) -> AsyncIterator[S3Client]:
    client = S3Client(clock=SystemClock(), jitter=lambda: 0, observer=Observer(), tls=tls)
    try:
        yield client
    finally:
        await client.close()


def to(server: StubServer, scheme: str = "http") -> StoreAccess:
    host = server.origin.partition("://")[2]
    address = Address(scheme=scheme, host=host, path_prefix="/", region="eu-west-1")
    return make_store_access(address)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def test_https_alone_uses_a_proxy_that_sees_only_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(ANSWER) as store, serving(ANSWER) as proxy:
        for name in _PROXIES[:3]:
            monkeypatch.setenv(name, proxy.origin)
        async with calling() as client:
            await client.send(to(store), HEAD, bucket="reports", key="a")
            assert (len(store.requests), proxy.requests) == (1, [])
            sent = client.send(to(store, "https"), HEAD, bucket="reports", key="a")
            assert isinstance(await error_of(sent), StorageUnavailable)
        heads = {each.splitlines()[0] for each in proxy.requests}
        assert heads == {f"CONNECT {store.origin.removeprefix('http://')} HTTP/1.1"}
        assert "X-Amz" not in "".join(proxy.requests)
        assert len(store.requests) == 1


async def test_a_private_certificate_authority_can_be_trusted(tmp_path: Path) -> None:
    async with serving(ANSWER, make_tls_context(tmp_path)) as store:
        async with calling() as client:
            sent = client.send(to(store, "https"), HEAD, bucket="reports", key="a")
            assert isinstance(await error_of(sent), StorageUnavailable)
        assert store.requests == []
        ours = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        async with calling(ours) as client:
            await client.send(to(store, "https"), HEAD, bucket="reports", key="a")
        assert len(store.requests) == 1


async def test_all_calls_can_have_a_connection_at_once() -> None:
    gate = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await ANSWER(writer)

    async with serving(answer) as store, calling() as client:
        names = [f"b{n}" for n in range(CALLS // CALLS_PER_BUCKET)] * CALLS_PER_BUCKET
        sent = [
            asyncio.ensure_future(client.send(to(store), HEAD, bucket=name, key="a"))
            for name in names
        ]
        await until(lambda: len(store.requests) == CALLS)
        gate.set()
        await asyncio.gather(*sent)


@with_harness
async def test_only_connecting_has_a_timeout_of_its_own(harness: Harness) -> None:
    await harness.send()
    [request] = harness.store.requests
    limits = {"connect": 2.0, "read": None, "write": None, "pool": None}
    assert request.extensions["timeout"] == limits
