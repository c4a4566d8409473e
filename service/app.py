"""The composition root: builds the parts, starts and stops them, and knows them all."""

import random
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import aioboto3
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from service import __version__
from service.access.api_keys import ApiKeys
from service.access.grants import Caller, Grant
from service.api import deletes, document, downloads, forms, heads, health, lists, uploads
from service.api.envelope import Envelope, FaultBarrier
from service.api.problems import answer_http_exception, answer_presign_error
from service.endpoints import Location, resolve
from service.errors import PresignError
from service.presigner import Presigner
from service.sessions.pool import PooledBucket, SessionPool
from service.sessions.session import Clock, SystemClock
from service.sessions.sts import AssumedRole, Role, SessionSource, StaticKeys, StsClients
from service.settings import BucketSettings, GrantSettings, Settings
from service.signing.requests import Encryption
from service.signing.signer import MAX_EXPIRES_IN, Address
from service.snapshot import Bucket, Snapshot

Sources = Mapping[str, SessionSource]
OpenSources = Callable[[Settings, Clock], AbstractAsyncContextManager[Sources]]


@asynccontextmanager
async def aws_sources(settings: Settings, clock: Clock) -> AsyncIterator[Sources]:
    """Where each bucket's sessions come from, with the clients that ask STS."""
    async with AsyncExitStack() as stack:
        session = aioboto3.Session()
        clients = StsClients(session, stack)
        sources: dict[str, SessionSource] = {}
        for name, bucket in settings.buckets.items():
            if bucket.credentials == "static":
                sources[name] = StaticKeys(session, clock)
            else:
                role = _role(bucket, settings)
                sources[name] = AssumedRole(await clients.for_role(role), role, clock)
        yield sources


def create_app(
    settings: Settings,
    *,
    addresses: Mapping[str, Address] | None = None,
    clock: Clock | None = None,
    open_sources: OpenSources = aws_sources,
) -> FastAPI:
    """The service. It needs its lifespan run; until then it has no presigner.

    `addresses` are the buckets', if they are resolved already.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        resolved = addresses or await resolve(locations(settings))
        async with running(settings, resolved, clock or SystemClock(), open_sources) as presigner:
            app.state.presigner = presigner
            yield

    app = FastAPI(
        title="presign",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,  # the address would be what the caller calls our host
        generate_unique_id_function=_operation_id,
    )
    for room in (downloads, uploads, forms, heads, deletes, lists, health, document):
        app.include_router(room.router)
    app.add_exception_handler(PresignError, answer_presign_error)
    app.add_exception_handler(HTTPException, answer_http_exception)
    _add_middleware(app, settings)
    return app


@asynccontextmanager
async def running(
    settings: Settings, addresses: Mapping[str, Address], clock: Clock, open_sources: OpenSources
) -> AsyncIterator[Presigner]:
    """The presigner, with a pool that keeps its sessions until the end."""
    async with open_sources(settings, clock) as sources:
        pooled = _pooled(settings, addresses, sources)
        pool = SessionPool(pooled, clock=clock, chance=random.random)
        pool.start()
        try:
            yield Presigner(
                _snapshot(settings, addresses),
                pool,
                clock=clock,
                unique_id=lambda: secrets.token_hex(16),
            )
        finally:
            await pool.stop()


def locations(settings: Settings) -> dict[str, Location]:
    return {
        name: Location(
            bucket=bucket.bucket or name,
            region=bucket.region,
            endpoint_url=bucket.signed_endpoint_url,
            addressing_style=bucket.style,
            fips=bucket.fips,
            dual_stack=bucket.dual_stack,
            accelerate=bucket.accelerate,
        )
        for name, bucket in settings.buckets.items()
    }


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The last added is the outermost."""
    app.add_middleware(FaultBarrier)
    if settings.server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.server.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID", "traceparent"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(Envelope)


def _pooled(
    settings: Settings, addresses: Mapping[str, Address], sources: Sources
) -> dict[str, PooledBucket]:
    return {
        name: PooledBucket(
            source=sources[name], address=addresses[name], promise=_promise(name, settings)
        )
        for name in settings.buckets
    }


def _promise(bucket: str, settings: Settings) -> float:
    """The longest lifetime that any grant on the bucket gives, in seconds."""
    limits = [
        grant.max_expires_in or MAX_EXPIRES_IN
        for _, grant in settings.placed_grants()
        if grant.bucket == bucket
    ]
    return float(max(limits, default=settings.server.default_expires_in))


def _snapshot(settings: Settings, addresses: Mapping[str, Address]) -> Snapshot:
    grants = {
        Caller(issuer=None, subject=caller.api_key): _grants(caller.grants)
        for caller in settings.callers
    }
    anonymous = None
    if settings.unsafe_anonymous_caller is not None:
        # No API key can be called so: see the names that settings allow.
        anonymous = Caller(issuer=None, subject="unsafe anonymous caller")
        grants[anonymous] = _grants(settings.unsafe_anonymous_caller.grants)
    digests = [
        (digest, Caller(issuer=None, subject=caller.api_key))
        for caller in settings.callers
        for digest in caller.sha256
    ]
    return Snapshot(
        buckets={name: _bucket(name, settings, addresses[name]) for name in settings.buckets},
        grants=grants,
        api_keys=ApiKeys(digests),
        default_expires_in=settings.server.default_expires_in,
        unsafe_anonymous_caller=anonymous,
    )


def _bucket(name: str, settings: Settings, address: Address) -> Bucket:
    bucket = settings.buckets[name]
    encryption = bucket.encryption
    return Bucket(
        s3_bucket=bucket.bucket or name,
        address=address,
        encryption=None
        if encryption is None
        else Encryption(algorithm=encryption.algorithm, kms_key_id=encryption.kms_key_id),
        conditional_writes=bucket.conditional_writes,
    )


def _grants(grants: tuple[GrantSettings, ...]) -> tuple[Grant, ...]:
    return tuple(
        Grant(**{**grant.model_dump(), "allow": frozenset(grant.allow)}) for grant in grants
    )


def _role(bucket: BucketSettings, settings: Settings) -> Role:
    assert bucket.role_arn is not None  # the settings saw to it
    web_identity = bucket.credentials == "web_identity"
    return Role(
        arn=bucket.role_arn,
        region=bucket.region,
        session_seconds=bucket.session_seconds,
        external_id=bucket.external_id,
        sts_endpoint_url=bucket.sts_endpoint_url,
        web_identity_token_file=settings.server.web_identity_token_file if web_identity else None,
    )


def _operation_id(route: APIRoute) -> str:
    """The handler's name, in the contract's spelling."""
    return to_camel(route.name)
