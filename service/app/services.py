"""The running parts of the service, and how a new configuration takes their place.

Build slow parts first. Then swap everything without an await, so that no request sees half of each.
"""

import asyncio
import random
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from service.access.key_prefixes import UNIQUE_ID
from service.api.parts import Core
from service.api.problems import Problems
from service.app.configuration import (
    Configuration,
    ConfigurationBuilder,
    page_settings,
    run_all,
    store_tls_context,
)
from service.app.environment import Environment
from service.app.served_protocols import UseCases, open_protocols
from service.app.settings import Settings
from service.auth.token_verifier import TokenVerifier
from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts
from service.concurrency.waiting import Waiting
from service.console.page_settings import Console
from service.diagnosis.service import Diagnoses
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.audit_trail import AuditTrail
from service.presigning.authorizer import Authorizer
from service.presigning.listings import Listings
from service.presigning.presigner import Presigner
from service.presigning.rate_limits import STORE_SECONDS, RateLimits
from service.s3.client import S3Client
from service.sessions.history import History
from service.sessions.pool import SessionPool
from service.sessions.sts import AssumedRole
from service.signing.signer import Address
from service.telemetry.line_sink import LineSink
from service.telemetry.metrics import Metrics

_unique_id: Final = partial(secrets.token_hex, UNIQUE_ID // 2)


class Services:
    """What requests use. The objects stay; a new configuration changes their contents."""

    protocols: UseCases

    def __init__(
        self,
        core: Core,
        history: History,
        configuration: Configuration,
        builder: ConfigurationBuilder,
        problems: Problems,
    ) -> None:
        """`builder` builds what replaces `configuration`. `problems` are the app's."""
        self.core = core
        self.tokens = TokenVerifier(configuration.issuers, clock=core.clock)
        self.console = Console(page_settings(configuration.settings))
        self.diagnoses = Diagnoses(
            core.authorizer, history, clock=core.clock, count=core.metrics.diagnosed
        )
        self.configuration = configuration
        self._builder = builder
        self._problems = problems

    async def reconfigure(self, settings: Settings) -> None:
        """Use `settings` from now on. Raises ConfigurationError, and then nothing has changed."""
        core, old = self.core, self.configuration
        new = await self._builder.build(settings, replacing=old)
        core.authorizer.snapshot = new.snapshot
        new.snapshot.api_keys.forget_other_uses()
        for protocol, use_case in self.protocols.items():
            use_case.configure(new.protocols[protocol])
        self.console.configure(page_settings(settings))
        self._problems.public_url = settings.server.public_url
        core.pool.replace(new.buckets, new.snapshot.cutoffs)
        self.tokens.replace(new.issuers)
        self.configuration = new
        for name, jwks in new.jwks.items():
            if old.jwks.get(name) is not jwks:
                jwks.start()
        # The new configuration is in use: from here on a failure is only logged.
        await old.close(replaced_by=new)
        if new.new_tls_context is not None:
            renewing = [core.store.use_certificates(new.new_tls_context)]
            renewing += [each.renew() for each in new.sources() if isinstance(each, AssumedRole)]
            await run_all("a client could not load the new CA certificates", renewing)
        # Freeing the old snapshot takes up to 17 ms for 40,000 callers: an iteration of its own.
        await asyncio.sleep(0)

    def attempts(self) -> list[SharedAttempts]:
        """Return what runs in the background."""
        jwks = [each.attempts for each in self.configuration.jwks.values()]
        polls = [attempt for its in self.protocols.values() for attempt in its.attempts()]
        return [*self.core.pool.attempts(), *jwks, *polls]

    async def close_configuration(self) -> None:
        """Close what the current configuration has open."""
        await self.configuration.close()


@asynccontextmanager
async def open_services(
    settings: Settings,
    addresses: Mapping[str, Address],
    environment: Environment,
    problems: Problems,
) -> AsyncIterator[Services]:
    """Start with the buckets at `addresses`. At the end every part stops, even if one fails to.

    Closed in reverse: protocols, pool, configuration, store, rate limits, sources. `problems` are
    the app's.
    """
    clock, metrics, spans = environment.clock, environment.metrics, environment.spans
    waiting, history = Waiting(settings.server.max_in_flight), History(clock)
    async with AsyncExitStack() as stack:
        builder = ConfigurationBuilder(
            settings,
            addresses,
            environment,
            make_source=await stack.enter_async_context(environment.open_sources(clock)),
            waiting=waiting,
        )
        limits = _rate_limits(settings, clock, metrics)
        stack.push_async_callback(limits.close)
        store = S3Client(
            clock=clock,
            jitter=random.random,
            observer=metrics,
            transport=environment.store_transport,
            tls=None if environment.store_transport else store_tls_context(settings),
            waiting=waiting,
            spans=spans,
        )
        stack.push_async_callback(store.close)
        configuration = await builder.build(settings, replacing=None)
        pool = SessionPool(
            configuration.buckets,
            clock=clock,
            jitter=random.random,
            observer=metrics,
            history=history,
            waiting=waiting,
            spans=spans,
        )
        write = environment.write_audit or LineSink(sys.stdout.fileno()).write
        trail = AuditTrail(write, clock=clock, observer=metrics)
        authorizer = Authorizer(
            configuration.snapshot, pool, clock=clock, audit_trail=trail, limits=limits
        )
        core = _core(authorizer, pool, store, clock, metrics, waiting=waiting)
        services = Services(core, history, configuration, builder, problems)
        del configuration  # a reload replaces it, and this frame stays
        stack.push_async_callback(services.close_configuration)
        stack.push_async_callback(pool.stop)
        metrics.watch_sessions(pool.sessions_left, pool.is_alive)
        opening = open_protocols(services.core, services.configuration.protocols)
        services.protocols = await stack.enter_async_context(opening)
        pool.start()
        services.tokens.start()
        yield services


def _core(
    authorizer: Authorizer,
    pool: SessionPool,
    store: S3Client,
    clock: Clock,
    metrics: Metrics,
    *,
    waiting: Waiting,
) -> Core:
    return Core(
        authorizer=authorizer,
        pool=pool,
        presigner=Presigner(authorizer, unique_id=_unique_id),
        listings=Listings(authorizer, store),
        multipart=MultipartUploads(authorizer, store),
        object_checks=ObjectChecks(authorizer, store),
        store=store,
        clock=clock,
        metrics=metrics,
        waiting=waiting,
        unique_id=_unique_id,
    )


def _rate_limits(settings: Settings, clock: Clock, metrics: Metrics) -> RateLimits:
    url, store = settings.server.rate_limit_url, None
    if url is not None:
        # Redis is imported where it is needed: that is a twentieth of the start's time and memory,
        # and few need it.
        from service.presigning.rate_store import RedisWindows  # noqa: PLC0415

        store = RedisWindows(url.get_secret_value(), seconds=4 * STORE_SECONDS)
    return RateLimits(store, clock=clock, on_failure=metrics.rate_limit_store_failed)
