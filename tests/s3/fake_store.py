"""An S3Client and a store that responds by a script, in virtual time: see `tests/support/virtual_time.py`."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
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
from tests.support.factories import ADDRESS, make_credentials
from tests.support.signed_urls import epoch_seconds
from tests.support.virtual_time import CLOCK_START, FakeClock, in_virtual_time, loop_clock

H = TypeVar("H")
P = ParamSpec("P")
Respond = Callable[[httpx.Request], Awaitable[httpx.Response]]
HEAD: Final = HeadObject()


class Body(httpx.AsyncByteStream):
    """A body as it comes from a network: not read yet."""

    def __init__(self, body: bytes | str) -> None:
        self._body = body.encode() if isinstance(body, str) else body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


def responds(
    status: int = 200, body: bytes | str = b"", headers: dict[str, str] | None = None
) -> Respond:
    async def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, stream=Body(body), headers=headers)

    return respond


def error(status: int, code: str, more: str = "") -> Respond:
    """An error document as S3 writes it, with details that must not be passed on."""
    return responds(
        status,
        "<?xml version='1.0'?>\n"
        f"<Error><Code>{code}</Code><Message>canary-message</Message>{more}</Error>",
    )


def fails(kind: type[httpx.RequestError] = httpx.ConnectError) -> Respond:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise kind(f"canary-words {request.url}", request=request)

    return fail


async def hangs(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("never set")


def delayed(seconds: float, respond: Respond) -> Respond:
    async def late(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(seconds)
        return await respond(request)

    return late


class SlowStream(httpx.AsyncByteStream):
    """Sends a chunk each `interval` seconds, and counts them in `sent`."""

    def __init__(self, chunk: bytes, interval: float = 1.0, chunks: int = 10_000) -> None:
        self.chunk = chunk
        self.interval = interval
        self.chunks = chunks
        self.sent = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.sent < self.chunks:
            self.sent += 1
            await asyncio.sleep(self.interval)
            yield self.chunk

    async def aclose(self) -> None:
        self.closed = True


def streams(stream: SlowStream) -> Respond:
    async def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream)

    return respond


@dataclass
class Observer:
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def store_called(self, bucket: str, action: str, outcome: str, seconds: float) -> None:
        self.calls.append((bucket, action, outcome))
        self.seconds.append(seconds)


class FakeStore(httpx.AsyncBaseTransport):
    """Responds by its script, one entry for each request. The last entry is repeated."""

    def __init__(self) -> None:
        self.responses: Sequence[Respond] = (responds(),)
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []

    def script(self, *responses: Respond) -> None:
        self.responses = responses

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.bodies.append(await request.aread())
        return await self.responses[min(len(self.requests), len(self.responses)) - 1](request)

    @property
    def signed_at(self) -> list[float]:
        """Return the seconds since the clock's start, for each request."""
        dates = [query_of(request)["X-Amz-Date"] for request in self.requests]
        return [epoch_seconds(date) - CLOCK_START for date in dates]


def make_store_access(address: Address = ADDRESS, inner: Address | None = None) -> StoreAccess:
    session = Session(
        credentials=make_credentials(),
        name="presign",
        starts_at=CLOCK_START,
        expires_at=CLOCK_START + 3600,
        server_time_at_boot=CLOCK_START,
    )
    return StoreAccess(
        session=session,
        signer=Signer(session.credentials, address),
        internal_signer=Signer(session.credentials, inner or address),
        validity=Validity(int(CLOCK_START), GrantedLifetime(900, None)),
    )


@dataclass
class Harness:
    clock: FakeClock = field(default_factory=loop_clock)
    store: FakeStore = field(default_factory=FakeStore)
    observer: Observer = field(default_factory=Observer)
    store_access: StoreAccess = field(default_factory=make_store_access)
    jitter: float = 0.0

    def __post_init__(self) -> None:
        self.client = S3Client(
            clock=self.clock,
            jitter=lambda: self.jitter,
            observer=self.observer,
            transport=self.store,
        )

    async def send(self, bucket: str = "reports", key: str = "a/b", **more: Any) -> Reply:
        action = more.pop("action", HEAD)
        return await self.client.send(self.store_access, action, bucket=bucket, key=key, **more)


@asynccontextmanager
async def start_harness() -> AsyncIterator[Harness]:
    harness = Harness()
    try:
        yield harness
    finally:
        await harness.client.close()


def harness_decorator(
    start: Callable[[], AbstractAsyncContextManager[H]],
) -> Callable[[Callable[Concatenate[H, P], Awaitable[None]]], Callable[P, None]]:
    """Return a decorator that runs a test in virtual time, with a harness as its first argument."""

    def decorate(test: Callable[Concatenate[H, P], Awaitable[None]]) -> Callable[P, None]:
        async def run(*args: P.args, **kwargs: P.kwargs) -> None:
            async with start() as harness:
                await test(harness, *args, **kwargs)

        # pytest reads the signature, and would look for a fixture of this name.
        parameters = [*inspect.signature(test).parameters.values()][1:]
        vars(run)["__signature__"] = inspect.Signature(parameters)
        run.__name__, run.__module__ = test.__name__, test.__module__
        return in_virtual_time(run)

    return decorate


with_harness = harness_decorator(start_harness)


async def error_of(call: Awaitable[object]) -> S3Error | PresignError:
    try:
        await call
    except (S3Error, PresignError) as error:
        return error
    raise AssertionError("it did not fail")


def query_of(request: httpx.Request) -> dict[str, str]:
    query = parse_qs(urlsplit(str(request.url)).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}
