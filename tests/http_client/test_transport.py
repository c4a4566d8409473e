"""What goes over the wire to a store, and what an error says about it: real sockets on loopback."""

import asyncio
import gzip
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import product
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Final

import aiohttp
import httpx
import pytest

from service.http_client.transport import AiohttpTransport
from service.signing.metadata import MAX_METADATA_BYTES
from tests.support.stub_server import Answer, StubServer, response, sends, serving

TLS: Final = httpx.create_ssl_context()
LONGEST: Final = 1024**2
SIGNED: Final = "/b/a%2F%C3%BC//%2B%20*~('?X-Amz-Signature=a%2Fb%3D&uploads&x="
EMPTY: Final = sends(response())


@asynccontextmanager
async def connected(answer: Answer = EMPTY) -> AsyncIterator[tuple[httpx.AsyncClient, StubServer]]:
    client = httpx.AsyncClient(
        transport=AiohttpTransport(TLS, connections=8, max_response_bytes=LONGEST), trust_env=False
    )
    async with serving(answer) as store, client:
        yield client, store


async def test_a_url_is_sent_as_it_was_signed() -> None:
    async with connected() as (client, store):
        await client.head(f"{store.origin}{SIGNED}")
    assert store.requests[0].startswith(f"HEAD {SIGNED} HTTP/1.1\r\n")


async def test_a_request_has_only_the_headers_of_its_maker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with connected() as (client, store):
        client.headers = httpx.Headers({"X-Ours": "1"})
        await client.post(f"{store.origin}/b/k?uploads")
        await client.put(f"{store.origin}/b/k", content=b"body")
    heads = [each.partition("\r\n\r\n")[0].splitlines()[1:] for each in store.requests]
    names = [sorted(line.partition(":")[0].lower() for line in head) for head in heads]
    of_httpx = ["accept", "accept-encoding", "connection", "user-agent"]
    assert names == [sorted([*of_httpx, "content-length", "host", "x-ours"])] * 2
    assert store.requests[1].endswith("\r\n\r\nbody")


async def test_a_body_is_read_as_the_store_sent_it() -> None:
    packed = gzip.compress(b"an error")
    answer = sends(response(packed, "Content-Encoding: gzip", "ETag: \xe9", status="404 No"))
    async with (
        connected(answer) as (client, store),
        client.stream("GET", f"{store.origin}/b/k") as got,
    ):
        assert b"".join([chunk async for chunk in got.aiter_raw()]) == packed
    assert (got.status_code, got.headers["content-length"]) == (404, str(len(packed)))


async def test_an_object_may_have_all_the_metadata_that_s3_allows() -> None:
    signs = f"{ascii_lowercase}{digits}-_"
    names = [*signs, *map("".join, product(signs, repeat=2))][:1043]
    assert sum(map(len, names)) == MAX_METADATA_BYTES
    metadata = [f"x-amz-meta-{name}:" for name in names]
    async with connected(sends(response(b"", *metadata))) as (client, store):
        got = await client.head(f"{store.origin}/b/k")
    assert len(got.headers) == len(metadata) + 1


async def test_neither_cookies_nor_redirects_are_followed() -> None:
    moved = response(b"", "Set-Cookie: a=b", "Location: http://[", status="301 Moved")
    async with connected(sends(moved)) as (client, store):
        await client.get(f"{store.origin}/1")
        client.cookies.clear()  # httpx keeps its own
        store.answer = EMPTY
        await client.get(f"{store.origin}/2")
    assert ["cookie" in each.lower() for each in store.requests] == [False, False]


async def test_a_refused_connection_has_sent_nothing() -> None:
    async with connected() as (client, store):
        origin = store.origin
    client = httpx.AsyncClient(
        transport=AiohttpTransport(TLS, connections=8, max_response_bytes=LONGEST)
    )
    async with client:
        with pytest.raises(httpx.ConnectError, match=r"^\w+$"):
            await client.get(f"{origin}/b/k?X-Amz-Signature=canary")


async def test_a_name_server_that_hangs_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.DefaultResolver, "resolve", hang)
    async with connected() as (client, _), asyncio.timeout(60):
        with pytest.raises(httpx.ConnectError, match=r"^\w+$"):
            await client.post("http://store.example/b/k?uploads", timeout=0.01)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 2", b"no HTTP\r\n\r\n", response(b"whole")[:-2]],
    ids=["none", "cut in its head", "no HTTP", "cut in its body"],
)
async def test_a_lost_answer_tells_that_the_request_was_sent(answer: bytes) -> None:
    async with connected(sends(answer)) as (client, store):
        with pytest.raises(httpx.ReadError, match=r"^\w+$"):
            await client.post(f"{store.origin}/b/k?X-Amz-Signature=canary")
    assert len(store.requests) == 1


async def test_a_post_on_a_connection_that_ends_is_sent_once() -> None:
    requests = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response())
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connected() as (client, _):
        await client.get(f"http://127.0.0.1:{port}/1")
        with pytest.raises(httpx.ReadError):
            await client.post(f"http://127.0.0.1:{port}/2")
    assert [each.split()[0] for each in requests] == [b"GET", b"POST"]


async def test_a_post_is_not_sent_on_a_connection_that_has_ended() -> None:
    writers = list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(response())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connected() as (client, _):
        await client.get(f"http://127.0.0.1:{port}/1")
        writers[0].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        assert (await client.post(f"http://127.0.0.1:{port}/2")).is_success
    assert len(writers) == 2


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_a_proxy_gets_its_password_and_a_host_without_proxy_none(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = "127.0.0.1:9"
    async with serving(EMPTY) as proxy:
        address = proxy.origin.replace("http://", f"{scheme}user:p%40ss@")
        monkeypatch.setenv("HTTPS_PROXY", address)
        for hosts in ("", "127.0.0.1", closed):
            monkeypatch.setenv("NO_PROXY", hosts)
            client = httpx.AsyncClient(
                transport=AiohttpTransport(TLS, connections=8, max_response_bytes=LONGEST)
            )
            async with client:
                with pytest.raises(httpx.TransportError):
                    await client.get(f"https://{closed}")
    [asked] = proxy.requests
    assert f"Proxy-Authorization: Basic {b64encode(b'user:p@ss').decode()}" in asked
