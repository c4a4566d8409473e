"""A store that says what it is told to say, in virtual time: see `tests/support/fakes.py`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx

from service.errors import PresignError
from service.s3.access import StoreAccess
from service.s3.client import Reply, S3Client
from service.s3.errors import S3Error
from service.sessions.lifetime import GrantedLifetime, Validity
from service.sessions.session import Session
from service.signing.actions import HeadObject
from service.signing.signer import Address, Signer
from tests.support.fakes import (
    ADDRESS,
    WALL,
    FakeClock,
    credentials,
    loop_clock,
)

Failure = S3Error | PresignError
Say = Callable[[httpx.Request], Awaitable[httpx.Response]]
HEAD: Final = HeadObject()


class Body(httpx.AsyncByteStream):
    """As it comes from a network: nobody has read it yet."""

    def __init__(self, body: bytes | str) -> None:
        self._body = body.encode() if isinstance(body, str) else body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


def says(status: int = 200, body: bytes | str = b"", headers: dict[str, str] | None = None) -> Say:
    async def say(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, stream=Body(body), headers=headers)

    return say


def error(status: int, code: str, more: str = "") -> Say:
    """As S3 writes it, with what nobody is to be told."""
    return says(
        status,
        "<?xml version='1.0'?>\n"
        f"<Error><Code>{code}</Code><Message>canary-message</Message>{more}</Error>",
    )


def fails(kind: type[httpx.RequestError] = httpx.ConnectError) -> Say:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise kind(f"canary-words {request.url}", request=request)

    return fail


async def hangs(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("nobody wakes it")


def after(seconds: float, say: Say) -> Say:
    async def late(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(seconds)
        return await say(request)

    return late


class Trickle(httpx.AsyncByteStream):
    """A piece a second, or each `apart`, for ever; `read` counts them."""

    def __init__(self, piece: bytes, apart: float = 1.0) -> None:
        self.piece = piece
        self.apart = apart
        self.most = 10_000
        self.read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.read < self.most:
            self.read += 1
            await asyncio.sleep(self.apart)
            yield self.piece

    async def aclose(self) -> None:
        self.closed = True


def trickles(stream: Trickle) -> Say:
    async def say(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream)

    return say


@dataclass
class Observer:
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def store_called(self, bucket: str, action: str, outcome: str, seconds: float) -> None:
        self.calls.append((bucket, action, outcome))
        self.seconds.append(seconds)


class FakeStore(httpx.AsyncBaseTransport):
    """Says one thing after another, the last for ever; a host may have words of its own."""

    def __init__(self, *words: Say) -> None:
        self.words: Sequence[Say] = words or (says(),)
        self.asked: list[httpx.Request] = []
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.bodies.append(await request.aread())
        return await self.words[min(len(self.asked), len(self.words)) - 1](request)

    @property
    def dates(self) -> list[str]:
        return [query_of(request)["X-Amz-Date"] for request in self.asked]


@dataclass
class House:
    clock: FakeClock
    store: FakeStore
    calls: S3Client
    observer: Observer
    store_access: StoreAccess

    async def send(self, bucket: str = "reports", key: str = "a/b", **more: Any) -> Reply:
        action = more.pop("action", HEAD)
        return await self.calls.send(self.store_access, action, bucket=bucket, key=key, **more)


@asynccontextmanager
async def a_house(*words: Say, chance: float = 0.0) -> AsyncIterator[House]:
    clock, store, observer = loop_clock(), FakeStore(*words), Observer()
    calls = S3Client(clock=clock, chance=lambda: chance, observer=observer, transport=store)
    try:
        yield House(clock, store, calls, observer, a_leave())
    finally:
        await calls.close()


def a_leave(address: Address = ADDRESS, inner: Address | None = None) -> StoreAccess:
    session = Session(
        credentials=credentials(),
        name="presign",
        starts_at=WALL,
        expires_at=WALL + 3600,
        server_time_at_boot=WALL,
    )
    return StoreAccess(
        session=session,
        signer=Signer(session.credentials, address),
        internal_signer=Signer(session.credentials, inner or address),
        validity=Validity(int(WALL), GrantedLifetime(900, None)),
    )


async def failure(asked: Awaitable[object]) -> Failure:
    try:
        await asked
    except (S3Error, PresignError) as error:
        return error
    raise AssertionError("it did not fail")


def query_of(request: httpx.Request) -> dict[str, str]:
    query = parse_qs(urlsplit(str(request.url)).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}
