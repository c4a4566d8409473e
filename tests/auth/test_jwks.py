"""An issuer's endpoint over real HTTP, on loopback."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest

from service.auth.jwks_client import MAX_BYTES, JwksEndpoint, KeysUnavailable
from tests.app.services.harness import called_here
from tests.support.late import again_if_late, within
from tests.support.stub_server import StubServer, make_tls_context, response, sends, serving

DOCUMENT = b'{"keys": []}'
BEARER = "eyJ-sentinel-bearer"


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n"


async def never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(chunked(b"x"))
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


GOOD: Final = sends(response(DOCUMENT))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with serving(GOOD) as server:
        yield server


async def fetched(url: str, *, bearer: Path | None = None, limit: float = 5.0) -> bytes:
    endpoint = JwksEndpoint(url, ca_file=None, bearer_file=bearer, limit_seconds=limit)
    return await endpoint.fetch()


async def failure(url: str, *, bearer: Path | None = None, limit: float = 5.0) -> KeysUnavailable:
    with pytest.raises(KeysUnavailable) as failed:
        await fetched(url, bearer=bearer, limit=limit)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    return failed.value


async def test_fetch_returns_the_body_unchanged(server: StubServer) -> None:
    for body in (DOCUMENT, b"\xff garbage", b""):
        server.answer = sends(response(body))
        assert await fetched(f"{server.origin}/openid/v1/jwks") == body
    assert all(request.startswith("GET /openid/v1/jwks ") for request in server.requests)
    assert not any("authorization" in request.lower() for request in server.requests)


async def test_the_bearer_file_is_read_for_each_fetch(server: StubServer, tmp_path: Path) -> None:
    bearer = tmp_path / "token"
    endpoint = JwksEndpoint(server.origin, ca_file=None, bearer_file=bearer)
    for token in ("first", "second"):
        bearer.write_text(f"{token}\n")
        await endpoint.fetch()
        assert f"authorization: Bearer {token}\r\n" in server.requests[-1]


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 401, 404, 500])
async def test_any_status_but_200_fails_and_no_redirect_is_followed(
    server: StubServer, status: int
) -> None:
    body, place = b"" if status == 204 else b"sentinel", f"Location: {server.origin}/sentinel"
    server.answer = sends(response(body, place, status=f"{status} Words"))
    assert str(await failure(server.origin)) == f"the response has status {status}"
    assert len(server.requests) == 1


@pytest.mark.parametrize("framed", [response, chunked])
async def test_a_body_over_the_limit_fails(
    server: StubServer, framed: Callable[[bytes], bytes]
) -> None:
    server.answer = sends(framed(b"x" * (MAX_BYTES + 1)))
    assert str(await failure(server.origin)) == f"the response is longer than {MAX_BYTES} bytes"


async def test_a_body_at_the_limit_is_returned(server: StubServer) -> None:
    server.answer = sends(response(b"x" * MAX_BYTES))
    assert len(await fetched(server.origin)) == MAX_BYTES


async def test_many_lines_at_the_limit_are_returned(server: StubServer) -> None:
    keys = b'  {"kty": "EC", "crv": "P-256"},\n' * 7000
    server.answer = sends(response(keys))
    assert await fetched(server.origin) == keys


@again_if_late
async def test_an_endless_body_fails_at_the_deadline(server: StubServer) -> None:
    server.answer = never_ends
    begun = time.monotonic()
    with within(3):  # not the default of 5 s
        assert str(await failure(server.origin, limit=0.5)) == "no response within 0.5 s"
    assert time.monotonic() - begun >= 0.5


async def test_compressed_bodies_are_not_decompressed(server: StubServer) -> None:
    server.answer = sends(response(b"packed", "Content-Encoding: gzip"))
    assert await fetched(server.origin) == b"packed"
    assert "accept-encoding: identity\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("truncated", "cause"),
    [(b"sentinel\r\n\r\n", "BadStatusLine"), (response(DOCUMENT)[:-1], "ContentLengthError")],
)
async def test_garbage_and_truncated_responses_fail(
    server: StubServer, truncated: bytes, cause: str
) -> None:
    server.answer = sends(truncated)
    assert str(await failure(server.origin)) == f"no response: ReadError ({cause})"


async def test_an_unreachable_host_fails_without_its_url() -> None:
    async with serving(GOOD) as server:
        pass
    problem = await failure(f"{server.origin}/{BEARER}")
    assert str(problem) == "no response: ConnectError (ConnectionRefusedError)"


@pytest.mark.parametrize("url", ["http://", "nonsense", "ftp://127.0.0.1/", "http://[::1/"])
async def test_an_invalid_url_fails_without_being_quoted(url: str) -> None:
    assert url not in str(await failure(url))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the bearer file cannot be read"),
        *((each, "the bearer file ") for each in (b"", b" \n", b"\xff", b"a\0b")),
        *((f"{BEARER}{each}".encode(), "the bearer file ") for each in ("\r\nX-Evil: 1", "é")),
    ],
)
async def test_an_invalid_bearer_fails_before_any_request(
    server: StubServer, tmp_path: Path, content: bytes | None, message: str
) -> None:
    bearer = tmp_path / "token"
    if content is not None:
        bearer.write_bytes(content)
    assert str(await failure(server.origin, bearer=bearer)).startswith(message)
    assert not server.requests


@pytest.mark.parametrize("status", ["200 OK", "401 No", "302 Found"])
async def test_failures_show_neither_bearer_nor_response(
    server: StubServer, tmp_path: Path, status: str
) -> None:
    bearer = tmp_path / "token"
    bearer.write_text(BEARER)
    server.answer = sends(response(BEARER.encode(), f"X-Echo: {BEARER}", status=status)[:-1])
    error = await failure(server.origin, bearer=bearer)
    assert BEARER in server.requests[0]
    assert "sentinel" not in f"{error!r} {error}"


async def test_a_private_authority_is_trusted_only_if_configured(tmp_path: Path) -> None:
    async with serving(GOOD, make_tls_context(tmp_path)) as server:
        assert str(await failure(server.origin)) == (
            "no response: ConnectError (SSLCertVerificationError)"
        )
        endpoint = JwksEndpoint(server.origin, ca_file=tmp_path / "ca.crt", bearer_file=None)
        with called_here(ssl.create_default_context) as called:
            assert await endpoint.fetch() == DOCUMENT
    assert called == [], "a certificate was read on the event loop"


async def test_a_rotated_authority_is_trusted_at_the_next_fetch(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.crt"
    old, new = make_tls_context(tmp_path), make_tls_context(tmp_path)
    rotated = ca_file.read_bytes()
    ca_file.unlink()
    async with serving(GOOD, new) as server:
        endpoint = JwksEndpoint(server.origin, ca_file=ca_file, bearer_file=None)
        with pytest.raises(KeysUnavailable, match="the ca_file cannot be read"):
            await endpoint.fetch()
        ca_file.write_bytes(rotated)
        assert await endpoint.fetch() == DOCUMENT
    async with serving(GOOD, old) as server:
        endpoint._url = server.origin
        with pytest.raises(KeysUnavailable, match="ConnectError"):
            await endpoint.fetch()
