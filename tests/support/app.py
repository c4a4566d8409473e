"""The whole app over ASGI, with a fake source of sessions."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI

from service.app.environment import Environment
from service.app.factory import PresignApp, create_app
from service.app.session_sources import CredentialOrigin, MakeSource, OpenSources
from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.clock import Clock
from service.presigning.audit import WriteLines
from service.sessions.session import Session
from service.sessions.source import Owner, SessionSource
from service.signing.signer import Address
from service.signing.sigv4 import Credentials
from tests.support.factories import OPERATIONS

API_KEY: Final = "correct-horse"
SECRET: Final = "sentinel-secret"
TOKEN: Final = "sentinel/token+="
ADDRESS: Final = Address(
    scheme="https", host="demo.s3.example", path_prefix="/", region="eu-west-1"
)


class FixedSource:
    """A source that returns a session at once, or raises `failure`."""

    length = 3600.0

    def __init__(self, clock: Clock, failure: Exception | None = None) -> None:
        self.clock = clock
        self.failure = failure
        self.fetched: list[Owner] = []
        self.policies: list[str | None] = []
        self.vended: list[bool] = []

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        self.fetched.append(owner)
        self.policies.append(policy)
        self.vended.append(vended)
        if self.failure is not None:
            raise self.failure
        now = time.time()
        return Session(
            credentials=Credentials(
                access_key_id="ASIAEXAMPLE", secret_access_key=SECRET, session_token=TOKEN
            ),
            name="test",
            starts_at=now,
            expires_at=now + self.length,
            server_time_at_boot=now - self.clock.boot(),
        )


def make_app_settings(
    *grants: Mapping[str, Any], rate_limit: str | None = None, **more: Any
) -> Settings:
    """Bucket `demo`, and a caller with the grants; `closed` is a bucket that nobody may use."""
    bucket = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}
    caller = {"api_key": "tester", "sha256": [digest_of(API_KEY)], "grants": list(grants)}
    if rate_limit is not None:
        caller["rate_limit"] = rate_limit
    buckets = {"demo": bucket, "closed": bucket, **more.pop("buckets", {})}
    return Settings.model_validate({"buckets": buckets, "callers": [caller], **more})


def make_open_grant(**more: Any) -> dict[str, Any]:
    """All operations on the whole of `demo`."""
    grant = {"bucket": "demo", "prefix": "", "allow": OPERATIONS, "allow_overwrite": True}
    return grant | more


def make_fixed_sources(
    failure: Exception | None = None, source: type[FixedSource] = FixedSource
) -> OpenSources:
    return open_sources_of(lambda clock: source(clock, failure))


def open_sources_of(source: Callable[[Clock], SessionSource]) -> OpenSources:
    """Each bucket gets the source that the function returns."""

    @asynccontextmanager
    async def open_sources(clock: Clock) -> AsyncIterator[MakeSource]:
        async def make(name: str, origin: CredentialOrigin) -> SessionSource:
            return source(clock)

        yield make

    return open_sources


def closed_store(request: httpx.Request) -> httpx.Response:
    """A store that refuses everything."""
    return make_store_response(403, "<Error><Code>AccessDenied</Code></Error>")


def make_store_response(
    status: int, text: str, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """A response whose body has not been read, as over a network."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(text.encode()))


@asynccontextmanager
async def run_app(
    settings: Settings,
    failure: Exception | None = None,
    audit: WriteLines | None = None,
    *,
    addresses: Mapping[str, Address] | None = None,
    watched: Path | None = None,
    **more: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client that sends the caller's key. `more` is the rest of the `Environment`."""
    arguments = {
        "write_audit": audit or list[bytes]().extend,
        "open_sources": make_fixed_sources(failure),
        "store_transport": httpx.MockTransport(closed_store),
        **more,
    }
    found = addresses or dict.fromkeys(settings.buckets, ADDRESS)  # botocore would take 0.1 s
    app = create_app(settings, found, Environment(**arguments), watched=watched)
    async with lifespan(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://presign", headers=headers
        ) as client:
            yield client


def app_of(client: httpx.AsyncClient) -> PresignApp:
    transport: Any = client._transport
    app: PresignApp = transport.app
    return app


def lifespan(app: FastAPI) -> AbstractAsyncContextManager[Any]:
    return app.router.lifespan_context(app)
