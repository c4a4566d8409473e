"""What one response may have: bytes, lines, heads and chunks. The next one begins again at nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import create_default_context
from typing import Final

import aiohttp
import httpx
import pytest
import uvloop

from service.http_client.bounded import MAX_HEADS, ResponseTooLong, bound_responses
from service.http_client.transport import AiohttpTransport
from tests.support.flooding import flooding
from tests.support.stub_server import make_tls_context, response, sends, serving

MOST: Final = 20_000
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@asynccontextmanager
async def bounded(most: int = MOST) -> AsyncIterator[aiohttp.ClientSession]:
    connector = bound_responses(aiohttp.TCPConnector(), most)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def length_of(answer: bytes, most: int = MOST) -> int:
    """Return the length of the body that a client gets. Raises ResponseTooLong."""
    async with serving(sends(answer)) as server, bounded(most) as session:
        return len(await (await session.get(server.origin)).read())


async def test_a_response_may_have_its_bytes_and_no_more() -> None:
    assert await length_of(response(bytes(MOST - 1000))) == MOST - 1000
    with pytest.raises((ResponseTooLong, aiohttp.ClientPayloadError)):
        await length_of(response(bytes(MOST + 1000)))


async def test_lines_count_as_more_than_their_bytes() -> None:
    assert await length_of(response(b"\n" * 100)) == 100
    with pytest.raises((ResponseTooLong, aiohttp.ClientPayloadError)):
        await length_of(response(b"\n" * 1000))


async def test_as_many_heads_as_a_server_may_send() -> None:
    assert await length_of(CONTINUE * (MAX_HEADS - 1) + response(b"body")) == 4
    # Heads are counted by the piece: a piece has some 160 of these.
    with pytest.raises(ResponseTooLong):
        await length_of(CONTINUE * 400 + response(b"body"), most=MOST * 100)


async def test_each_response_of_a_connection_is_counted_alone() -> None:
    ports = set[int]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(response(bytes(MOST // 2)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with bounded() as session:
        for _ in range(5):
            assert len(await (await session.get(address)).read()) == MOST // 2
        assert len(ports) == 1
    server.close()


async def test_a_socket_takes_as_much_as_a_response_may_have() -> None:
    """A far server sends no more in a round trip."""

    async def buffered(most: int) -> int:
        connector = bound_responses(aiohttp.TCPConnector(), most)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"  # so it is still connected
        async with (
            serving(sends(head)) as server,
            aiohttp.ClientSession(connector=connector) as session,
            session.get(server.origin) as got,
        ):
            assert got.connection is not None
            assert got.connection.transport is not None
            connected = got.connection.transport.get_extra_info("socket")
            return int(connected.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))

    small, large = await buffered(32 * 1024), await buffered(8 * 1024**2)
    assert small == 64 * 1024
    assert large == 4 * small


def test_a_malformed_flood_is_not_read_on_over_tls(tmp_path: Path) -> None:
    """On the service's loop a connection that is closed and not aborted reads hundreds of MiB."""

    async def ask(origin: str) -> None:
        trusted = create_default_context(cafile=tmp_path / "ca.crt")
        transport = AiohttpTransport(trusted, connections=1, max_response_bytes=1024**2)
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ReadError):
                await client.get(origin)
            await asyncio.sleep(0.5)

    with flooding("headers", tls=make_tls_context(tmp_path)) as server:
        uvloop.run(ask(server.origin))
    assert max(server.sent) < 16 * 1024**2


async def test_a_response_may_have_many_chunks_and_no_more() -> None:
    async def length(chunks: int) -> int:
        body = b"1\r\n \r\n" * chunks + b"0\r\n\r\n"
        answer = sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        transport = AiohttpTransport(
            create_default_context(), connections=1, max_response_bytes=8 * 1024**2
        )
        async with serving(answer) as server, httpx.AsyncClient(transport=transport) as client:
            return len((await client.get(server.origin)).content)

    assert await length(8192) == 8192
    with pytest.raises(ResponseTooLong):
        await length(8200)


async def test_a_response_that_nobody_asked_for_answers_no_request() -> None:
    late, statuses = asyncio.Event(), list[int]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(response())
            await late.wait()
            writer.write(response(status="500 Late"))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with bounded() as session:
        for _ in range(3):
            async with session.get(address) as got:
                statuses.append(got.status)
            late.set()
            await asyncio.sleep(0.05)
    server.close()
    assert statuses == [200, 200, 200]
