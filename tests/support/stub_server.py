"""A server on loopback that records requests, and answers them as a test says."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class StubServer:
    """Each connection has one request and is then closed. `answer` may change at any time."""

    answer: Answer
    origin: str = ""  # scheme, host and port
    requests: list[str] = field(default_factory=list)  # head and body
    _serving: set[asyncio.Task[None] | None] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            body = await reader.readexactly(int(length[1])) if length else b""
            self.requests.append((head + body).decode())
            await self.answer(writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a client that hangs up
        finally:
            writer.close()

    def stop(self) -> None:
        """Since Python 3.12 a server waits at its end for open connections."""
        for task in self._serving:
            if task is not None:
                task.cancel()


@asynccontextmanager
async def serving(
    answer: Answer, context: ssl.SSLContext | None = None
) -> AsyncIterator[StubServer]:
    stub = StubServer(answer)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, ssl=context, backlog=256)
    port = server.sockets[0].getsockname()[1]
    stub.origin = f"{'https' if context else 'http'}://127.0.0.1:{port}"
    async with server:
        yield stub
        stub.stop()


def response(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def sends(data: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


def make_tls_context(folder: Path, *, ends_in_days: int = 1) -> ssl.SSLContext:
    """For a server on 127.0.0.1 with a self-signed certificate in `ca.crt`."""
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "ca.crt").write_bytes(_certificate(key, ends_in_days).public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.crt", folder / "key")
    return context


def _certificate(key: ec.EllipticCurvePrivateKey, ends_in_days: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    today = datetime.now().astimezone()
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=2))
        .not_valid_after(today + timedelta(days=ends_in_days))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
