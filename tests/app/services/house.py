"""A service's running parts over a configuration that changes, in true time; sessions come from fakes."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from service.access.callers import Identity
from service.access.grants import Caller
from service.app.services import Services
from service.auth.api_keys import digest_of
from service.clock import SystemClock
from service.config.settings import Settings
from service.errors import PresignError
from service.presigning.results import PresignedRequest, PresignedRequests
from service.sessions.session import Session
from service.sessions.sts import Owner
from service.telemetry.metrics import Metrics
from tests.auth.mint import (
    ISSUER,
    ed_key,
    jwk,
    jwks,
)
from tests.support.factories import (
    ADDRESS,
    make_batches,
    make_credentials,
    make_request,
    make_requester,
)

ROLE = "arn:aws:iam::111122223333:role/presign"
BUCKET = {"region": "eu-west-1", "role_arn": ROLE}
BILLING, SALES = Caller(issuer=None, subject="billing"), Caller(issuer=None, subject="sales")
PATIENCE = 30.0  # seconds, for a machine that is busy with something else


class Source:
    """Gives each time another session, unless it is held up or faulty."""

    length = 3600.0

    def __init__(self, bucket: str, settings: Settings) -> None:
        self.bucket = bucket
        self.role_arn = settings.buckets[bucket].role_arn
        self.gate = asyncio.Event()
        self.gate.set()
        self.refused: set[str | None] = set()  # policies
        self.fetched: list[Owner] = []
        self.policies: list[str | None] = []

    async def fetch(self, owner: Owner, policy: str | None) -> Session:
        self.fetched.append(owner)
        self.policies.append(policy)
        await self.gate.wait()
        if policy in self.refused:
            raise ConnectionError
        return Session(
            credentials=make_credentials(f"ASIA{self.bucket.upper()}{len(self.fetched):09}"),
            name="presign",
            starts_at=time.time(),
            expires_at=time.time() + self.length,
            server_time_at_boot=time.time() - SystemClock().boot(),
        )


@dataclass
class House:
    sources: list[Source] = field(default_factory=list)
    audit: list[bytes] = field(default_factory=list)
    fault: Exception | None = None  # of the next source that is made
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.running = Services(
            clock=SystemClock(),
            make_source=self._make_source,
            write_audit=self.audit.extend,
            metrics=self.metrics,
        )

    async def _make_source(self, name: str, settings: Settings) -> Source:
        if self.fault is not None:
            raise self.fault
        self.sources.append(Source(name, settings))
        return self.sources[-1]

    def source(self, bucket: str = "reports") -> Source:
        """The one that was made last."""
        return [source for source in self.sources if source.bucket == bucket][-1]

    def fetched(self) -> list[tuple[str, Owner]]:
        """By whom sessions were asked for; a bucket's own are left out."""
        return [(each.bucket, owner) for each in self.sources for owner in each.fetched if owner]

    async def sign(
        self, caller: Caller = BILLING, key: str = "a/b", bucket: str = "reports", **more: Any
    ) -> PresignedRequest:
        ask = make_request(bucket=bucket, key=key, **more)
        return await self.running.presigner.presign(make_requester(caller), ask)

    async def batch(
        self, *buckets: str, caller: Caller = BILLING
    ) -> list[PresignedRequests | PresignError]:
        requests = make_batches([make_request(bucket=bucket) for bucket in buckets])
        return await self.running.presigner.presign_batch(make_requester(caller), requests)

    async def refused(self, *args: Any, **more: Any) -> str | None:
        """The code of the refusal, if it is refused."""
        try:
            await self.sign(*args, **more)
        except PresignError as refusal:
            return refusal.code
        return None

    async def replace(self, settings: Settings) -> None:
        await self.running.replace(settings)

    async def who(self, token: str) -> Caller | None:
        identity = await self.running.tokens.identify(token)
        return None if identity is None else identity.caller

    def who_has(self, api_key: str) -> Identity | None:
        return self.running.authorizer.snapshot.api_keys.identify(api_key)


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[House]:
    made = House()
    # Given, since to have botocore resolve them takes a tenth of a second a test.
    await made.running.start(settings, dict.fromkeys(settings.buckets, ADDRESS))
    try:
        yield made
    finally:
        for source in made.sources:
            source.gate.set()
        await made.running.stop()


def grant(bucket: str = "reports", prefix: str = "a/", **more: Any) -> dict[str, Any]:
    return {"bucket": bucket, "prefix": prefix, "allow": ["download"], **more}


def caller(name: str = "billing", *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Its API key is its name."""
    return {"api_key": name, "sha256": [digest_of(name)], "grants": list(grants), **more}


def configuration(**changes: Any) -> dict[str, Any]:
    """Two buckets, and two callers who may download in `reports`, one also in `photos`."""
    return {
        "buckets": {"reports": BUCKET, "photos": BUCKET},
        "callers": [
            caller("billing", grant(), grant("photos")),
            caller("sales", grant(prefix="b/")),
        ],
        **changes,
    }


def settings(**changes: Any) -> Settings:
    return Settings.model_validate(configuration(**changes))


@contextmanager
def called_here(*functions: Callable[..., Any]) -> Iterator[list[str]]:
    """Which of them are called, each time, in the thread of whoever asks: on the loop."""
    codes = {each.__code__ for each in functions}
    called: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in codes:
            called.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before)


async def until(is_so: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - of many parts, none of which would set an event
            await asyncio.sleep(0.005)


class Issuer:
    """Publishes the public half of `kid` on loopback, and counts who asks for it."""

    def __init__(self, kid: str) -> None:
        self._document = jwks(jwk(ed_key(kid), kid))
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0

    def configured(self, **more: Any) -> dict[str, Any]:
        return {
            "issuer": ISSUER.issuer,
            "audience": ISSUER.audience,
            "jwks_url": f"http://127.0.0.1:{self.port}/jwks",
            **more,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await self.gate.wait()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._document)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + self._document)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def issuer(kid: str = "one") -> AsyncIterator[Issuer]:
    made = Issuer(kid)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
        made.gate.set()


BEFORE = settings()


def with_bucket(**changes: Any) -> Settings:
    """`reports` is otherwise; the callers are the same."""
    return settings(buckets={"reports": {**BUCKET, **changes}, "photos": BUCKET})


def with_billing(*grants: dict[str, Any], **more: Any) -> Settings:
    """`billing` is otherwise; `sales` is the same."""
    return settings(
        callers=[caller("billing", *grants, **more), caller("sales", grant(prefix="b/"))]
    )


def tasks(kind: str) -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith(kind)]


async def all_sign(made: House) -> None:
    await made.sign()
    await made.sign(bucket="photos")
    await made.sign(SALES, "b/c")


BOTH = ((BILLING, "a/b"), (SALES, "b/c"))


def a_moment_ago() -> str:
    return datetime.now(UTC).isoformat()


def of_cluster(cluster: Issuer, *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Callers by token, in a configuration's terms. `more` is of the issuer."""
    entry = {"issuer": "cluster-a", "subject": "system:serviceaccount:billing:*"}
    return {
        "issuers": {"cluster-a": cluster.configured(**more)},
        "callers": [entry | {"grants": list(grants or [grant()])}],
    }
