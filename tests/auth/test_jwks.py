"""An issuer's endpoint over real HTTP, on loopback."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.auth.jwks_client import MAX_BYTES, JwksEndpoint, KeysUnavailable
from tests.app.services.harness import called_here
from tests.support.late import again_if_late, within

DOCUMENT = b'{"keys": []}'
BEARER = "eyJ-sentinel-bearer"


class Server:
    """Sends `answer` to each client, and closes the connection."""

    def __init__(self) -> None:
        self.answer = answer(DOCUMENT)
        self.endless = False
        self.requests: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        try:
            writer.write(self.answer)
            while self.endless:
                writer.write(b"1\r\n \r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n"


@asynccontextmanager
async def serving(
    server: Server, context: ssl.SSLContext | None = None
) -> AsyncIterator[asyncio.Server]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    scheme, port = "https" if context else "http", listener.sockets[0].getsockname()[1]
    server.url = f"{scheme}://127.0.0.1:{port}/openid/v1/jwks"
    async with listener:
        yield listener


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with serving(server):
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


async def test_fetch_returns_the_body_unchanged(server: Server) -> None:
    for body in (DOCUMENT, b"\xff garbage", b""):
        server.answer = answer(body)
        assert await fetched(server.url) == body
    assert all(request.startswith("GET /openid/v1/jwks ") for request in server.requests)
    assert not any("authorization" in request.lower() for request in server.requests)


async def test_the_bearer_file_is_read_for_each_fetch(server: Server, tmp_path: Path) -> None:
    bearer = tmp_path / "token"
    endpoint = JwksEndpoint(server.url, ca_file=None, bearer_file=bearer)
    for token in ("first", "second"):
        bearer.write_text(f"{token}\n")
        await endpoint.fetch()
        assert f"Authorization: Bearer {token}\r\n" in server.requests[-1]


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 401, 404, 500])
async def test_any_status_but_200_fails_and_no_redirect_is_followed(
    server: Server, status: int
) -> None:
    body, place = b"" if status == 204 else b"sentinel", f"Location: {server.url}/sentinel"
    server.answer = answer(body, place, status=f"{status} Words")
    assert str(await failure(server.url)) == f"the response has status {status}"
    assert len(server.requests) == 1


@pytest.mark.parametrize("framed", [answer, chunked])
async def test_a_body_over_the_limit_fails(
    server: Server, framed: Callable[[bytes], bytes]
) -> None:
    server.answer = framed(b"x" * (MAX_BYTES + 1))
    assert str(await failure(server.url)) == f"the response is longer than {MAX_BYTES} bytes"


async def test_a_body_at_the_limit_is_returned(server: Server) -> None:
    server.answer = answer(b"x" * MAX_BYTES)
    assert len(await fetched(server.url)) == MAX_BYTES


@again_if_late
async def test_an_endless_body_fails_at_the_deadline(server: Server) -> None:
    server.answer, server.endless = chunked(b"x"), True
    begun = time.monotonic()
    with within(3):  # not the default of 5 s
        assert str(await failure(server.url, limit=0.5)) == "no response within 0.5 s"
    assert time.monotonic() - begun >= 0.5


async def test_compressed_bodies_are_not_decompressed(server: Server) -> None:
    server.answer = answer(b"packed", "Content-Encoding: gzip")
    assert await fetched(server.url) == b"packed"
    assert "Accept-Encoding: identity\r\n" in server.requests[0]


@pytest.mark.parametrize("response", [b"sentinel\r\n\r\n", answer(DOCUMENT)[:-1]])
async def test_garbage_and_truncated_responses_fail(server: Server, response: bytes) -> None:
    server.answer = response
    assert str(await failure(server.url)) == "no response: RemoteProtocolError"


async def test_an_unreachable_host_fails_without_its_url() -> None:
    server = Server()
    async with serving(server):
        pass
    url = server.url.replace("127", f"user:{BEARER}@127")
    assert str(await failure(url)) == "no response: ConnectError"


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
    server: Server, tmp_path: Path, content: bytes | None, message: str
) -> None:
    bearer = tmp_path / "token"
    if content is not None:
        bearer.write_bytes(content)
    assert str(await failure(server.url, bearer=bearer)).startswith(message)
    assert not server.requests


@pytest.mark.parametrize("status", ["200 OK", "401 No", "302 Found"])
async def test_failures_show_neither_bearer_nor_response(
    server: Server, tmp_path: Path, status: str
) -> None:
    bearer = tmp_path / "token"
    bearer.write_text(BEARER)
    server.answer = answer(BEARER.encode(), f"X-Echo: {BEARER}", status=status)[:-1]
    error = await failure(server.url, bearer=bearer)
    assert BEARER in server.requests[0]
    assert "sentinel" not in f"{error!r} {error}"


async def test_a_private_authority_is_trusted_only_if_configured(tmp_path: Path) -> None:
    server = Server()
    async with serving(server, make_tls_context(tmp_path)):
        assert str(await failure(server.url)) == "no response: ConnectError"
        endpoint = JwksEndpoint(server.url, ca_file=tmp_path / "ca.crt", bearer_file=None)
        with called_here(ssl.create_default_context) as called:
            assert await endpoint.fetch() == DOCUMENT
    assert called == [], "a certificate was read on the event loop"


async def test_a_rotated_authority_is_trusted_at_the_next_fetch(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.crt"
    old, new = make_tls_context(tmp_path), make_tls_context(tmp_path)
    rotated = ca_file.read_bytes()
    ca_file.unlink()
    server = Server()
    async with serving(server, new):
        endpoint = JwksEndpoint(server.url, ca_file=ca_file, bearer_file=None)
        with pytest.raises(KeysUnavailable, match="the ca_file cannot be read"):
            await endpoint.fetch()
        ca_file.write_bytes(rotated)
        assert await endpoint.fetch() == DOCUMENT
    async with serving(server, old):
        endpoint._url = server.url
        with pytest.raises(KeysUnavailable, match="ConnectError"):
            await endpoint.fetch()


def make_tls_context(folder: Path) -> ssl.SSLContext:
    """For a server on 127.0.0.1 with a self-signed certificate in `ca.crt`."""
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "ca.crt").write_bytes(make_certificate(key).public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.crt", folder / "key")
    return context


def make_certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    today = datetime.now().astimezone()
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
