"""Running services whose configuration changes, in real time, with fake session sources."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import certifi

from service.access.callers import Identity
from service.access.grants import Caller
from service.api.problems import Problems
from service.app.environment import Environment
from service.app.services import Services, open_services
from service.app.session_sources import CredentialOrigin, MakeSource
from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.clock import Clock, SystemClock
from service.errors import PresignError
from service.presigning.results import PresignedRequest, PresignedRequests
from service.sessions.session import Session
from service.sessions.source import Owner, Role
from service.telemetry.metrics import Metrics
from tests.auth.mint import ISSUER, ed_key, jwk, jwks
from tests.support.app import FixedSource
from tests.support.factories import (
    ADDRESS,
    make_batches,
    make_credentials,
    make_request,
    make_requester,
)
from tests.support.signed_urls import access_key_id_of

ROLE = "arn:aws:iam::111122223333:role/presign"
BUCKET = {"region": "eu-west-1", "role_arn": ROLE}
BILLING, SALES = Caller(issuer=None, subject="billing"), Caller(issuer=None, subject="sales")


class FakeSource(FixedSource):
    """Returns a new session each time, once `gate` is set."""

    def __init__(self, bucket: str, origin: CredentialOrigin) -> None:
        super().__init__(SystemClock())
        self.bucket = bucket
        self.role_arn = origin.arn if isinstance(origin, Role) else None
        self.gate = asyncio.Event()
        self.gate.set()
        self.refused_policies: set[str | None] = set()

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        session = await super().fetch(owner, policy, vended=vended)
        await self.gate.wait()
        if policy in self.refused_policies:
            raise ConnectionError
        name = f"ASIA{self.bucket.upper()}{len(self.fetched):09}"
        return replace(session, credentials=make_credentials(name))


@dataclass
class Harness:
    sources: list[FakeSource] = field(default_factory=list)
    audit: list[bytes] = field(default_factory=list)
    source_error: Exception | None = None  # raised instead of making a source
    metrics: Metrics = field(default_factory=Metrics)
    problems: Problems = field(default_factory=Problems)

    services: Services = field(init=False)

    @asynccontextmanager
    async def open_sources(self, _: Clock) -> AsyncIterator[MakeSource]:
        yield self._make_source

    async def _make_source(self, name: str, origin: CredentialOrigin) -> FakeSource:
        if self.source_error is not None:
            raise self.source_error
        self.sources.append(FakeSource(name, origin))
        return self.sources[-1]

    def source(self, bucket: str = "reports") -> FakeSource:
        """The bucket's newest source."""
        return [source for source in self.sources if source.bucket == bucket][-1]

    def fetched(self) -> list[tuple[str, Owner]]:
        """The callers' sessions that were requested, by bucket and owner."""
        return [(each.bucket, owner) for each in self.sources for owner in each.fetched if owner]

    async def sign(
        self, caller: Caller = BILLING, key: str = "a/b", bucket: str = "reports", **more: Any
    ) -> PresignedRequest:
        request = make_request(bucket=bucket, key=key, **more)
        return await self.services.core.presigner.presign(make_requester(caller), request)

    async def batch(
        self, *buckets: str, caller: Caller = BILLING
    ) -> list[PresignedRequests | PresignError]:
        requests = make_batches([make_request(bucket=bucket) for bucket in buckets])
        return await self.services.core.presigner.presign_batch(make_requester(caller), requests)

    async def error_code(self, *args: Any, **more: Any) -> str | None:
        """Of signing, or None if it succeeds."""
        try:
            await self.sign(*args, **more)
        except PresignError as error:
            return error.code
        return None

    async def reconfigure(self, settings: Settings) -> None:
        await self.services.reconfigure(settings)

    async def caller_of_token(self, token: str) -> Caller | None:
        identity = await self.services.tokens.identify(token)
        return None if identity is None else identity.caller

    def identify(self, api_key: str) -> Identity | None:
        return self.services.core.authorizer.snapshot.api_keys.identify(api_key)


@asynccontextmanager
async def start_services(settings: Settings) -> AsyncIterator[Harness]:
    harness = Harness()
    async with open_services(
        settings,
        dict.fromkeys(settings.buckets, ADDRESS),
        Environment(
            metrics=harness.metrics,
            write_audit=harness.audit.extend,
            open_sources=harness.open_sources,
        ),
        harness.problems,
    ) as harness.services:
        try:
            yield harness
        finally:
            for source in harness.sources:
                source.gate.set()


def grant(bucket: str = "reports", prefix: str = "a/", **more: Any) -> dict[str, Any]:
    return {"bucket": bucket, "prefix": prefix, "allow": ["download"], **more}


def caller(name: str = "billing", *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A caller whose API key is its name."""
    return {"api_key": name, "sha256": [digest_of(name)], "grants": list(grants), **more}


def configuration(**changes: Any) -> dict[str, Any]:
    """Two callers may download from `reports`, `billing` also from `photos`."""
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
    """The calls of these functions in the current thread, which is the event loop's."""
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


def one_ca(number: int = 0) -> str:
    """One of the certificates that certifi trusts."""
    end = "-----END CERTIFICATE-----\n"
    return certifi.contents().split(end)[number] + end


class Issuer:
    """Serves the public key `kid` on loopback, and counts the requests."""

    def __init__(self, kid: str) -> None:
        self._document = jwks(jwk(ed_key(kid), kid))
        self.requests = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 9  # closed, until it is served

    def configured(self, **more: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/jwks"
        return {"issuer": ISSUER.issuer, "audience": ISSUER.audiences[0], "jwks_url": url, **more}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        await self.gate.wait()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._document)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + self._document)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def issuer(kid: str = "one") -> AsyncIterator[Issuer]:
    served = Issuer(kid)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    async with server:
        yield served
        served.gate.set()


BEFORE = settings()


def with_bucket(**changes: Any) -> Settings:
    """Other settings for `reports`, the same callers."""
    return settings(buckets={"reports": {**BUCKET, **changes}, "photos": BUCKET})


def with_billing(*grants: dict[str, Any], **more: Any) -> Settings:
    """Other grants for `billing`, the same for `sales`."""
    sales = caller("sales", grant(prefix="b/"))
    return settings(callers=[caller("billing", *grants, **more), sales])


# The caller `billing` alone, and no bucket `photos`.
WITHOUT_PHOTOS = settings(buckets={"reports": BUCKET}, callers=[caller("billing", grant())])


def tasks(kind: str) -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith(kind)]


async def sign_all(harness: Harness) -> None:
    await harness.sign()
    await harness.sign(bucket="photos")
    await harness.sign(SALES, "b/c")


async def key_ids(harness: Harness) -> dict[Caller, str]:
    """The access key ids with which `reports` is signed for."""
    signed = {BILLING: await harness.sign(), SALES: await harness.sign(SALES, "b/c")}
    return {each: access_key_id_of(answer.url) for each, answer in signed.items()}


def now() -> str:
    return datetime.now(UTC).isoformat()


def token_callers(cluster: Issuer, *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The configuration of an issuer, with `more`, and its callers."""
    entry = {"issuer": "cluster-a", "subject": "system:serviceaccount:billing:*"}
    return {
        "issuers": {"cluster-a": cluster.configured(**more)},
        "callers": [entry | {"grants": list(grants or [grant()])}],
    }
