"""Runs the checks of `presign check --live`, as the service would run: with its own credentials."""

import random
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

import httpx
from redis.asyncio import Redis

from service.app import builders
from service.app.configuration import store_tls_context
from service.app.protocol_values import values_without_keys
from service.app.session_sources import MakeSource, aws_sources, origins
from service.app.settings import Settings
from service.auth.jwks_client import JwksEndpoint
from service.clock import Clock, SystemClock
from service.concurrency.event_loop import gather_bounded
from service.operations.live.bucket_settings import SettingsClients, SettingsReader
from service.operations.live.buckets import (
    BucketResults,
    check_bucket,
    check_forms,
    check_session,
)
from service.operations.live.delivery import check_delivery
from service.operations.live.dependencies import (
    CALL_SECONDS,
    check_clock,
    check_issuer,
    check_store,
)
from service.operations.live.queue import check_queue
from service.operations.live.results import Path, Result
from service.operations.setup.signing import SignedBucket, signed_buckets
from service.protocols import arrivals
from service.protocols.arrivals.hooks import ArrivalsValues
from service.protocols.arrivals.sqs import SqsQueue
from service.protocols.links import PROTOCOL
from service.protocols.links.settings import MEMORY, LinksValues
from service.s3.client import S3Client
from service.sessions.session import Session
from service.sessions.source import SessionRefused
from service.sessions.sts import operators_credentials
from service.signing.signer import Address
from service.signing.sigv4 import Credentials
from service.telemetry.metrics import Metrics

_AT_ONCE: Final = 8


async def check_live(settings: Settings, addresses: Mapping[str, Address]) -> list[Result]:
    """Ask STS, the stores, the issuers and the shared stores.

    What is uploaded to a store that is not AWS is deleted again.
    """
    of_buckets = await _check_buckets(settings, addresses)
    of_issuers = await gather_bounded(
        lambda name: check_issuer(name, _jwks(name, settings)), [*settings.issuers], limit=_AT_ONCE
    )
    differences = [bucket.clock_ahead for bucket in of_buckets if bucket.clock_ahead is not None]
    return [
        *(result for each in of_buckets for result in each.results),
        *([check_clock(max(differences, key=abs))] if differences else []),
        *await _check_deliveries(settings),
        *of_issuers,
        *await _check_shared_stores(settings),
        *await _check_queue(settings),
    ]


async def _check_buckets(
    settings: Settings, addresses: Mapping[str, Address]
) -> list[BucketResults]:
    clock = SystemClock()
    tls = store_tls_context(settings)
    store = S3Client(clock=clock, jitter=random.random, observer=Metrics(), tls=tls)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        checker = _BucketChecker(
            settings,
            addresses,
            store=store,
            make_source=await stack.enter_async_context(aws_sources(clock)),
            own=await _own_credentials(),
            clock=clock,
        )
        buckets = signed_buckets(settings, addresses)
        return await gather_bounded(checker.check, buckets, limit=_AT_ONCE)


async def _check_queue(settings: Settings) -> list[Result]:
    values: ArrivalsValues | None = values_without_keys(settings)[arrivals.PROTOCOL]
    if values is None or values.queue is None:
        return []
    queue = SqsQueue(values.queue, values.ca_bundle)
    try:
        return await check_queue(queue)
    finally:
        await queue.close()


class _BucketChecker:
    def __init__(
        self,
        settings: Settings,
        addresses: Mapping[str, Address],
        *,
        store: S3Client,
        make_source: MakeSource,
        own: Sequence[Credentials],
        clock: Clock,
    ) -> None:
        """`own` are the credentials of the person who runs the command."""
        self._origins = origins(settings)
        self._addresses = addresses
        self._locations = builders.locations(settings)
        self._clients = SettingsClients(settings.server.ca_bundle)
        self._store = store
        self._make_source = make_source
        self._own = own
        self._clock = clock

    async def check(self, bucket: SignedBucket) -> BucketResults:
        source = await self._make_source(bucket.name, self._origins[bucket.name])
        session, results = await check_session(bucket, source)
        if session is None:
            return BucketResults(results)
        found = await self._check_bucket(bucket, session)
        if found.results[0].kind == "error":  # nothing signed works, so no form does either
            return BucketResults([*results, *found.results], found.clock_ahead)
        forms = await check_forms(
            bucket,
            self._addresses[bucket.name],
            session,
            source,
            store=self._store,
            own=self._own,
            name=_unused_name(),
            clock=self._clock,
        )
        return BucketResults([*results, *found.results, *forms], found.clock_ahead)

    async def _check_bucket(self, bucket: SignedBucket, session: Session) -> BucketResults:
        location = self._locations[bucket.name]
        async with AsyncExitStack() as stack:
            opened = [
                self._clients.open(location.internal or location, each)
                for each in (session.credentials, *self._own)
            ]
            clients = [await stack.enter_async_context(each) for each in opened]
            return await check_bucket(
                bucket,
                self._addresses[bucket.name],
                session,
                store=self._store,
                reader=SettingsReader(clients, bucket.s3_bucket),
                key=_unused_key(bucket),
                clock=self._clock,
            )


async def _own_credentials() -> list[Credentials]:
    """Return the credentials of the person who runs the command, if there are any."""
    try:
        return [await operators_credentials()]
    except SessionRefused:
        return []


async def _check_deliveries(settings: Settings) -> list[Result]:
    """Look at the distributions. What they answer is not redirected."""
    results = list[Result]()
    async with httpx.AsyncClient(verify=store_tls_context(settings)) as client:
        for name, delivery in builders.deliveries(settings).items():
            results += await check_delivery(
                name, delivery, _unused_name(), client=client, now=SystemClock().wall
            )
    return results


def _unused_key(bucket: SignedBucket) -> str:
    """Return a key below a granted prefix if there is one, which a role may be limited to."""
    prefixes = (g.prefix for g in bucket.grants if g.covers_subtree and "{" not in g.prefix)
    return f"{next(prefixes, '')}{_unused_name()}"


def _unused_name() -> str:
    return f"presign-check-{secrets.token_hex(16)}"


def _jwks(name: str, settings: Settings) -> JwksEndpoint:
    issuer = settings.issuers[name]
    return JwksEndpoint(issuer.jwks_url, ca_file=issuer.ca_file, bearer_file=issuer.bearer_file)


async def _check_shared_stores(settings: Settings) -> list[Result]:
    """Look at the stores of rate limits and links, which may be the same."""
    stores: dict[str, tuple[Path, bool]] = {}
    if (limits := settings.server.rate_limit_url) is not None:
        stores[limits.get_secret_value()] = (("server", "rate_limit_url"), False)
    links: LinksValues | None = values_without_keys(settings)[PROTOCOL]
    if links is not None and links.store_url is not None and links.store_url != MEMORY:
        own = settings.links is not None and settings.links.store_url is not None
        at: Path = ("links", "store_url") if own else ("server", "rate_limit_url")
        stores[links.store_url] = (at, True)
    results = []
    for url, (at, must_keep) in stores.items():
        async with Redis.from_url(
            url, socket_timeout=CALL_SECONDS, socket_connect_timeout=CALL_SECONDS
        ) as store:
            results += await check_store(at, store, must_keep=must_keep)
    return results
