"""The parts that stand between two changes of the configuration, and how they are replaced together.

Rules of this file:
- What takes time (resolving, clients, keys) is made first; then all is replaced without an await, so
  that no request sees a part of the old and a part of the new.
- What has not changed is kept: a bucket's sessions, an issuer's keys.
"""

import asyncio
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aioboto3
import httpx

from service.access.key_prefixes import UNIQUE_ID
from service.app import builders
from service.app.closing import all_of, close_sources, stop_keys
from service.auth.jwks_cache import JwksCache
from service.auth.jwks_client import JwksEndpoint
from service.auth.token_verifier import TokenVerifier
from service.auth.tokens import Issuer
from service.clock import Clock
from service.concurrency.event_loop import run_in_thread_if
from service.concurrency.waiting import Waiting
from service.config.callers import IssuerSettings
from service.config.settings import Settings
from service.diagnosis.service import Diagnoses
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.audit import WriteLines
from service.presigning.audit_trail import AuditTrail
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.rate_limits import STORE_SECONDS, RateLimits, RateStore
from service.presigning.snapshot import Snapshot
from service.protocols.uppy.uploads import UppyUploads, UseCases
from service.s3.client import S3Client
from service.s3.endpoints import Location, resolve
from service.sessions.history import History
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.sessions.sts import AssumedRole, Role, SessionSource, StaticKeys
from service.sessions.sts_clients import StsClients
from service.signing.signer import Address
from service.telemetry.metrics import Metrics

MakeSource = Callable[[str, Settings], Awaitable[SessionSource]]
OpenSources = Callable[[Clock], AbstractAsyncContextManager[MakeSource]]


@asynccontextmanager
async def aws_sources(clock: Clock) -> AsyncIterator[MakeSource]:
    """Where buckets' sessions come from, with the clients that ask STS until the end."""
    async with AsyncExitStack() as stack:
        session = aioboto3.Session()
        clients = StsClients(session, stack, builders.sts_authorities)

        async def make(name: str, settings: Settings) -> SessionSource:
            bucket = settings.buckets[name]
            if bucket.credentials == "static":
                return StaticKeys(session, clock)
            role = builders.role(bucket, settings)
            return AssumedRole(await clients.for_role(role), role, clock)

        yield make


@dataclass(frozen=True, slots=True)
class _Made:
    """What a configuration needs, some of it the old one's."""

    snapshot: Snapshot
    pooled: dict[str, BucketSessions]
    keys: dict[str, JwksCache]
    trusted: str  # a digest of the authorities
    authorities: ssl.SSLContext | None  # if they are new

    def sources(self) -> list[SessionSource]:
        return [bucket.source for bucket in self.pooled.values()]


class Services:
    """What callers use stays the same objects for ever; what they look at is replaced."""

    authorizer: Authorizer
    presigner: Presigner
    multipart: MultipartUploads
    object_checks: ObjectChecks
    diagnoses: Diagnoses
    tokens: TokenVerifier
    uppy: UppyUploads

    def __init__(
        self,
        *,
        clock: Clock,
        make_source: MakeSource,
        write_audit: WriteLines,
        metrics: Metrics,
        store_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`store_transport` takes what goes to stores, in place of the network."""
        self._clock = clock
        self._make_source = make_source
        self._write_audit = write_audit
        self._store_transport = store_transport
        self._metrics = metrics
        self._locations: dict[str, Location] = {}
        self._addresses: dict[str, Address] = {}
        self._settings: Settings | None = None
        self._made: _Made | None = None

    async def start(self, settings: Settings, addresses: Mapping[str, Address] | None) -> None:
        """`addresses` are the buckets', if they are resolved already. What fails leaves nothing open."""
        if addresses is not None:
            self._locations, self._addresses = builders.locations(settings), dict(addresses)
        self._waiting = Waiting(settings.server.max_in_flight)
        async with AsyncExitStack() as stack:
            self._limits = self._rate_limits(settings)
            stack.push_async_callback(self._limits.close)
            self._store = self._store_calls(settings)
            stack.push_async_callback(self._store.close)
            self._serve(settings, await self._make(settings))
            stack.push_async_callback(self._close)
            stack.push_async_callback(self._pool.stop)
            self._metrics.watch_sessions(self._pool.sessions_left, self._pool.is_alive)
            self._pool.start()
            self.tokens.start()
            self._opened = stack.pop_all()

    def _serve(self, settings: Settings, made: _Made) -> None:
        history = History(self._clock)
        self._pool = SessionPool(
            made.pooled,
            clock=self._clock,
            chance=random.random,
            observer=self._metrics,
            history=history,
            waiting=self._waiting,
        )
        self.tokens = TokenVerifier(_verified_by(settings, made.keys), clock=self._clock)
        self.authorizer = Authorizer(
            made.snapshot,
            self._pool,
            clock=self._clock,
            audit_trail=AuditTrail(self._write_audit, clock=self._clock, observer=self._metrics),
            limits=self._limits,
        )
        self.presigner = Presigner(self.authorizer, unique_id=_unique_id)
        self.multipart = MultipartUploads(self.authorizer, self._store)
        self.object_checks = ObjectChecks(self.authorizer, self._store)
        self.uppy = self._uppy(settings)
        self.diagnoses = Diagnoses(self.authorizer, history, clock=self._clock)
        self._settings, self._made = settings, made

    async def replace(self, settings: Settings) -> None:
        """Serve these settings from now on. Raises ConfigurationError, and then nothing has changed."""
        old = self._made
        assert old is not None  # it was started
        made = await self._make(settings)
        self.authorizer.snapshot = made.snapshot
        self.uppy.target = builders.uppy_place(settings)
        self._pool.replace(made.pooled, made.snapshot.not_before)
        self.tokens.replace(_verified_by(settings, made.keys))
        self._settings, self._made = settings, made
        for name, keys in made.keys.items():
            if old.keys.get(name) is not keys:
                keys.start()
        # What is served has changed: from here on nothing that fails may say otherwise.
        await stop_keys(
            [each for name, each in old.keys.items() if made.keys.get(name) is not each]
        )
        await close_sources(old.sources(), but=made.sources())
        if made.authorities is not None:
            await self._trust(made.authorities, made.sources())
        await asyncio.sleep(
            0
        )  # to free the old snapshot takes a turn of its own: 8 ms for 4,000 callers

    async def stop(self) -> None:
        """All of it, whatever fails on the way."""
        await self._opened.aclose()

    async def _close(self) -> None:
        if self._made is not None:
            await stop_keys(self._made.keys.values())
            await close_sources(self._made.sources())

    async def _trust(self, authorities: ssl.SSLContext, sources: Iterable[SessionSource]) -> None:
        renewing = [self._store.trust(authorities)]
        renewing += [each.renew() for each in sources if isinstance(each, AssumedRole)]
        await all_of("a client did not take the new certificates", renewing)

    async def _make(self, settings: Settings) -> _Made:
        addresses = await self._resolved(settings)
        # Of thousands of callers each takes a tenth of a second, in which others are served by now.
        in_thread = self._settings is not None
        snapshot = await run_in_thread_if(in_thread, builders.snapshot, settings, addresses)
        promises = await run_in_thread_if(in_thread, builders.promises, settings)
        trusted = await run_in_thread_if(in_thread, builders.authorities_digest, settings)
        authorities = None
        if self._made is not None and trusted != self._made.trusted:
            authorities = await asyncio.to_thread(builders.store_tls_context, settings)
        keys = {name: self._keys_of(name, issuer) for name, issuer in settings.issuers.items()}
        sources: dict[str, SessionSource] = {}
        try:
            for name in settings.buckets:
                sources[name] = await self._source(name, settings)
        except BaseException:
            await close_sources(
                sources.values(), but=[] if self._made is None else self._made.sources()
            )
            raise
        pooled = {
            name: builders.pooled_bucket(name, settings, bucket, sources[name], promises[name])
            for name, bucket in snapshot.buckets.items()
        }
        return _Made(snapshot, pooled, keys, trusted, authorities)

    async def _resolved(self, settings: Settings) -> dict[str, Address]:
        locations = builders.locations(settings)
        new = {name: each for name, each in locations.items() if self._locations.get(name) != each}
        if new:
            # A tenth of a second of botocore's, which would stop the loop
            found = await asyncio.to_thread(lambda: asyncio.run(resolve(new)))
            self._addresses |= found
            self._locations |= new
        return self._addresses

    async def _source(self, name: str, settings: Settings) -> SessionSource:
        known = self._settings
        if (
            self._made is None
            or known is None
            or name not in known.buckets
            or _role(name, known) != _role(name, settings)
        ):
            return await self._make_source(name, settings)
        return self._made.pooled[name].source

    def _keys_of(self, name: str, issuer: IssuerSettings) -> JwksCache:
        known = None if self._settings is None else self._settings.issuers.get(name)
        if self._made is not None and known is not None and _place(known) == _place(issuer):
            return self._made.keys[name]
        return JwksCache(
            JwksEndpoint(issuer.jwks_url, ca_file=issuer.ca_file, bearer_file=issuer.bearer_file),
            name=name,
            clock=self._clock,
            chance=random.random,
            observer=self._metrics,
            waiting=self._waiting,
        )

    def _store_calls(self, settings: Settings) -> S3Client:
        return S3Client(
            clock=self._clock,
            chance=random.random,
            observer=self._metrics,
            transport=self._store_transport,
            verify=builders.store_tls_context(settings),
            waiting=self._waiting,
        )

    def _uppy(self, settings: Settings) -> UppyUploads:
        use_cases = UseCases(
            authorizer=self.authorizer,
            presigner=self.presigner,
            multipart=self.multipart,
            store=self._store,
        )
        return UppyUploads(builders.uppy_place(settings), use_cases, unique_id=_unique_id)

    def _rate_limits(self, settings: Settings) -> RateLimits:
        url = settings.server.rate_limit_url
        return RateLimits(
            None if url is None else _rate_store(url.get_secret_value()),
            clock=self._clock,
            on_failure=self._metrics.rate_limit_store_failed,
        )


def _rate_store(url: str) -> RateStore:
    # Its import is a twentieth of the start's time and memory, and most have no store.
    from service.presigning.rate_store import RedisWindows  # noqa: PLC0415

    return RedisWindows(url, seconds=4 * STORE_SECONDS)


def _unique_id() -> str:
    return secrets.token_hex(UNIQUE_ID // 2)


def _role(bucket: str, settings: Settings) -> Role | None:
    """What a bucket's sessions come from; None are the static keys."""
    of = settings.buckets[bucket]
    return None if of.credentials == "static" else builders.role(of, settings)


def _place(issuer: IssuerSettings) -> tuple[str, Path | None, Path | None]:
    """What an issuer's keys come from."""
    return issuer.jwks_url, issuer.ca_file, issuer.bearer_file


def _verified_by(
    settings: Settings, keys: Mapping[str, JwksCache]
) -> list[tuple[Issuer, JwksCache]]:
    return [(builders.issuer(name, settings), each) for name, each in keys.items()]
