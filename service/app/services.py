"""The running parts of the service, and how a new configuration takes their place.

- What takes time is made first. Then all is replaced without an await, so that no request sees half
  of each.
- What did not change is kept: a bucket's sessions, an issuer's keys.
"""

import asyncio
import random
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import httpx

from service.access.key_prefixes import UNIQUE_ID
from service.app import builders
from service.app.closing import close_sources, run_all, stop_fetching
from service.app.configuration import Configuration
from service.app.console_page import page_settings
from service.app.protocols import protocol_values
from service.app.served_protocols import open_protocols
from service.app.session_sources import MakeSource, Origin, origins
from service.app.settings import Settings
from service.app.shared_stores import rate_limits
from service.auth.jwks_cache import JwksCache
from service.auth.jwks_client import JwksEndpoint
from service.auth.token_verifier import TokenVerifier
from service.clock import Clock
from service.concurrency.event_loop import run_in_thread_if
from service.concurrency.shared_attempts import SharedAttempts
from service.concurrency.waiting import Waiting
from service.config.callers import IssuerSettings
from service.console.page_settings import Console
from service.diagnosis.service import Diagnoses
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.audit import WriteLines
from service.presigning.audit_trail import AuditTrail
from service.presigning.authorizer import Authorizer
from service.presigning.listings import Listings
from service.presigning.presigner import Presigner
from service.protocols.served import Core
from service.s3.client import S3Client
from service.s3.endpoints import resolve
from service.s3.location import Location
from service.sessions.history import History
from service.sessions.pool import SessionPool
from service.sessions.source import SessionSource
from service.sessions.sts import AssumedRole
from service.signing.signer import Address
from service.telemetry.metrics import Metrics
from service.telemetry.spans import Spans

_JWKS: Final = {"jwks_url", "ca_file", "bearer_file"}  # where an issuer's keys come from
_unique_id: Final = partial(secrets.token_hex, UNIQUE_ID // 2)


class Services:
    """What requests use. The objects stay; a new configuration changes their contents."""

    def __init__(
        self,
        *,
        clock: Clock,
        make_source: MakeSource,
        write_audit: WriteLines,
        metrics: Metrics,
        spans: Spans | None = None,
        store_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`store_transport` replaces the network for calls to stores."""
        self._clock = clock
        self._make_source = make_source
        self._write_audit = write_audit
        self._store_transport = store_transport
        self._metrics = metrics
        self._spans = spans
        self._locations: dict[str, Location] = {}
        self._addresses: dict[str, Address] = {}
        self._current: Configuration | None = None

    async def start(self, settings: Settings, addresses: Mapping[str, Address]) -> None:
        """Start with the buckets at `addresses`. A failure leaves nothing open."""
        self._locations, self._addresses = builders.locations(settings), dict(addresses)
        self._waiting = Waiting(settings.server.max_in_flight)
        async with AsyncExitStack() as stack:
            self._limits = rate_limits(settings, self._clock, self._metrics)
            stack.push_async_callback(self._limits.close)
            self._store = S3Client(
                clock=self._clock,
                chance=random.random,
                observer=self._metrics,
                transport=self._store_transport,
                verify=builders.store_tls_context(settings),
                waiting=self._waiting,
                spans=self._spans,
            )
            stack.push_async_callback(self._store.close)
            self._assemble(configuration := await self._prepare(settings))
            stack.push_async_callback(self._close)
            stack.push_async_callback(self._pool.stop)
            self._metrics.watch_sessions(self._pool.sessions_left, self._pool.is_alive)
            opening = open_protocols(self._core(), configuration.protocols)
            self.protocols = await stack.enter_async_context(opening)
            self._pool.start()
            self.tokens.start()
            self._opened = stack.pop_all()

    def _assemble(self, configuration: Configuration) -> None:
        clock, history, settings = self._clock, History(self._clock), configuration.settings
        self._pool = SessionPool(
            configuration.buckets,
            clock=clock,
            chance=random.random,
            observer=self._metrics,
            history=history,
            waiting=self._waiting,
            spans=self._spans,
        )
        self.tokens = TokenVerifier(configuration.issuers(), clock=clock)
        self.authorizer = Authorizer(
            configuration.snapshot,
            self._pool,
            clock=clock,
            audit_trail=AuditTrail(self._write_audit, clock=clock, observer=self._metrics),
            limits=self._limits,
        )
        self.presigner = Presigner(self.authorizer, unique_id=_unique_id)
        self.multipart = MultipartUploads(self.authorizer, self._store)
        self.object_checks = ObjectChecks(self.authorizer, self._store)
        self.listings = Listings(self.authorizer, self._store)
        self.console = Console(page_settings(settings))
        self.diagnoses = Diagnoses(self.authorizer, history, clock=clock)
        self._current = configuration

    def _core(self) -> Core:
        return Core(
            authorizer=self.authorizer,
            pool=self._pool,
            presigner=self.presigner,
            listings=self.listings,
            multipart=self.multipart,
            object_checks=self.object_checks,
            store=self._store,
            clock=self._clock,
            metrics=self._metrics,
            unique_id=_unique_id,
        )

    async def reconfigure(self, settings: Settings) -> None:
        """Use `settings` from now on. Raises ConfigurationError, and then nothing has changed."""
        old = self._current
        assert old is not None  # `start` was called
        new = await self._prepare(settings)
        self.authorizer.snapshot = new.snapshot
        self._metrics.keep_api_keys(new.snapshot.api_keys.labels())
        for protocol, use_case in self.protocols.items():
            use_case.configure(new.protocols[protocol])
        self.console.settings = page_settings(settings)
        self._pool.replace(new.buckets, new.snapshot.not_before)
        self.tokens.replace(new.issuers())
        self._current = new
        for name, jwks in new.jwks.items():
            if old.jwks.get(name) is not jwks:
                jwks.start()
        # The new configuration is in use: from here on a failure is only logged.
        replaced = (each for name, each in old.jwks.items() if new.jwks.get(name) is not each)
        await stop_fetching(replaced)
        await close_sources(old.sources(), keep=new.sources())
        if new.new_tls_context is not None:
            renewing = [self._store.trust(new.new_tls_context)]
            renewing += [each.renew() for each in new.sources() if isinstance(each, AssumedRole)]
            await run_all("a client could not load the new CA certificates", renewing)
        # Freeing the old snapshot takes 8 ms for 4,000 callers: an iteration of its own.
        await asyncio.sleep(0)

    def attempts(self) -> list[SharedAttempts]:
        """Return what runs in the background."""
        assert self._current is not None  # `start` was called
        jwks = [each.attempts for each in self._current.jwks.values()]
        polls = [each for its in self.protocols.values() for each in its.attempts()]
        return [*self._pool.attempts(), *jwks, *polls]

    async def stop(self) -> None:
        """Stop every part, even if one fails to."""
        await self._opened.aclose()

    async def _close(self) -> None:
        if self._current is not None:
            await stop_fetching(self._current.jwks.values())
            await close_sources(self._current.sources())

    async def _prepare(self, settings: Settings) -> Configuration:
        current, addresses = self._current, await self._resolve(settings)
        # With thousands of callers each of these takes 0.1 s, so not on the loop once it serves.
        in_thread = current is not None
        now, uses = self._clock.wall, self._metrics.api_key_uses
        build = partial(builders.snapshot, settings, addresses, now, uses)
        snapshot = await run_in_thread_if(in_thread, build)
        lifetimes = await run_in_thread_if(in_thread, builders.longest_lifetimes, settings)
        ca_digest = await run_in_thread_if(in_thread, builders.ca_digest, settings)
        tls_context = None
        if current is not None and ca_digest != current.ca_digest:
            tls_context = await asyncio.to_thread(builders.store_tls_context, settings)
        jwks = {name: self._jwks_cache(name, issuer) for name, issuer in settings.issuers.items()}
        values = await run_in_thread_if(in_thread, protocol_values, settings)
        found = await run_in_thread_if(in_thread, origins, settings)
        sources = await self._sources(found)  # last: what fails later would leave them open
        return Configuration(
            settings=settings,
            snapshot=snapshot,
            buckets={
                name: builders.bucket_sessions(
                    name, settings, bucket, sources[name], lifetimes[name]
                )
                for name, bucket in snapshot.buckets.items()
            },
            origins=found,
            jwks=jwks,
            ca_digest=ca_digest,
            new_tls_context=tls_context,
            protocols=values,
        )

    async def _resolve(self, settings: Settings) -> dict[str, Address]:
        locations = builders.locations(settings)
        new = {name: each for name, each in locations.items() if self._locations.get(name) != each}
        if new:
            self._addresses |= (await asyncio.to_thread(resolve, new)).addresses
            self._locations |= new
        return self._addresses

    async def _sources(self, origins: Mapping[str, Origin]) -> dict[str, SessionSource]:
        current = self._current
        sources: dict[str, SessionSource] = {}
        try:
            for name, origin in origins.items():
                if current is not None and current.origins.get(name) == origin:
                    sources[name] = current.buckets[name].source
                else:
                    sources[name] = await self._make_source(name, origin)
        except BaseException:
            kept = [] if current is None else current.sources()
            await close_sources(sources.values(), keep=kept)
            raise
        return sources

    def _jwks_cache(self, name: str, issuer: IssuerSettings) -> JwksCache:
        current = self._current
        old = None if current is None else current.settings.issuers.get(name)
        if current and old and old.model_dump(include=_JWKS) == issuer.model_dump(include=_JWKS):
            return current.jwks[name]
        return JwksCache(
            JwksEndpoint(issuer.jwks_url, ca_file=issuer.ca_file, bearer_file=issuer.bearer_file),
            name=name,
            clock=self._clock,
            chance=random.random,
            observer=self._metrics,
            waiting=self._waiting,
            spans=self._spans,
        )
