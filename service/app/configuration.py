"""A configuration in use: how it is made of settings, and what another one replaces.

- What did not change is kept: the entries of callers, a bucket's sessions, an issuer's keys.
- A failure to close what is not needed any more is logged and stops nothing else.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, assert_never
from urllib.parse import urlsplit

from service.access.callers import CallerEntry, pointers
from service.access.claims import Fact, NamedClaims
from service.app import builders
from service.app.environment import Environment
from service.app.protocol_values import Values, protocol_values
from service.app.session_sources import CredentialOrigin, MakeSource, origins
from service.app.settings import Settings, authority_files
from service.auth.jwks_cache import JwksCache
from service.auth.jwks_client import JwksEndpoint
from service.auth.tokens import Issuer
from service.concurrency.event_loop import run_in_thread_if
from service.concurrency.waiting import Waiting
from service.config.buckets import BucketSettings
from service.config.callers import IssuerSettings
from service.config.reading import content_digest
from service.console.page_settings import PageSettings, SignIn
from service.errors import ConfigurationError
from service.http_client.session import tls_context
from service.presigning.bucket import Bucket
from service.presigning.snapshot import Snapshot
from service.s3.endpoints import resolve
from service.s3.location import Location
from service.sessions.pool_entry import BucketSessions
from service.sessions.source import SessionSource
from service.sessions.sts import AssumedRole
from service.signing.signer import Address

log = logging.getLogger(__name__)

_JWKS: Final = {"jwks_url", "ca_file", "bearer_file"}  # where an issuer's keys come from


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Settings, and the parts made for them or kept from the settings before."""

    settings: Settings
    snapshot: Snapshot
    buckets: dict[str, BucketSessions]
    origins: dict[str, CredentialOrigin]  # of the buckets' sessions
    jwks: dict[str, JwksCache]
    issuers: list[tuple[Issuer, JwksCache]]
    ca_digest: str
    new_tls_context: ssl.SSLContext | None  # None if the CA bundles did not change
    protocols: Values

    def sources(self) -> list[SessionSource]:
        return [bucket.source for bucket in self.buckets.values()]

    async def close(self, *, replaced_by: "Configuration | None" = None) -> None:
        """Stop and close what `replaced_by` does not use. A failure is logged."""
        kept = {} if replaced_by is None else replaced_by.jwks
        unused = [each for name, each in self.jwks.items() if kept.get(name) is not each]
        await run_all("could not stop fetching an issuer's keys", [each.stop() for each in unused])
        await close_sources(
            self.sources(), keep=[] if replaced_by is None else replaced_by.sources()
        )


class ConfigurationBuilder:
    """Remembers where the buckets of the last configurations are."""

    def __init__(
        self,
        settings: Settings,
        addresses: Mapping[str, Address],
        environment: Environment,
        *,
        make_source: MakeSource,
        waiting: Waiting,
    ) -> None:
        """`addresses` are of the buckets of `settings`."""
        self._locations: dict[str, Location] = builders.locations(settings)
        self._addresses = dict(addresses)
        self._make_source = make_source
        self._clock = environment.clock
        self._metrics = environment.metrics
        self._waiting = waiting
        self._spans = environment.spans

    async def build(self, settings: Settings, *, replacing: Configuration | None) -> Configuration:
        """Raises ConfigurationError."""
        addresses = await self._resolve(settings)
        # With thousands of callers each of these takes 0.1 s, so not on the loop once it serves.
        in_thread = replacing is not None
        now, uses = self._clock.wall, self._metrics.api_key_uses
        old = None if replacing is None else (replacing.settings, replacing.snapshot)
        build = partial(builders.snapshot, settings, addresses, now, uses, old)
        snapshot = await run_in_thread_if(in_thread, build)
        lifetimes = await run_in_thread_if(in_thread, builders.longest_lifetimes, settings)
        issuers = await run_in_thread_if(in_thread, issuers_of, settings, snapshot.callers)
        ca_digest = await run_in_thread_if(in_thread, _ca_digest, settings)
        new_tls = None
        if replacing is not None and ca_digest != replacing.ca_digest:
            new_tls = await asyncio.to_thread(store_tls_context, settings)
        jwks = {
            name: self._jwks_cache(name, issuer, replacing)
            for name, issuer in settings.issuers.items()
        }
        values = await run_in_thread_if(in_thread, protocol_values, settings)
        found = await run_in_thread_if(in_thread, origins, settings)
        # Last: a later failure would leave them open.
        sources = await self._sources(found, replacing)
        return Configuration(
            settings=settings,
            snapshot=snapshot,
            buckets={
                name: _bucket_sessions(name, settings, bucket, sources[name], lifetimes[name])
                for name, bucket in snapshot.buckets.items()
            },
            origins=found,
            jwks=jwks,
            issuers=[(issuers[name], each) for name, each in jwks.items()],
            ca_digest=ca_digest,
            new_tls_context=new_tls,
            protocols=values,
        )

    async def _resolve(self, settings: Settings) -> dict[str, Address]:
        locations = builders.locations(settings)
        new = {name: each for name, each in locations.items() if self._locations.get(name) != each}
        if new:
            self._addresses |= (await asyncio.to_thread(resolve, new)).addresses
            self._locations |= new
        return self._addresses

    async def _sources(
        self, origins: Mapping[str, CredentialOrigin], current: Configuration | None
    ) -> dict[str, SessionSource]:
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

    def _jwks_cache(
        self, name: str, issuer: IssuerSettings, current: Configuration | None
    ) -> JwksCache:
        old = None if current is None else current.settings.issuers.get(name)
        if current and old and old.model_dump(include=_JWKS) == issuer.model_dump(include=_JWKS):
            return current.jwks[name]
        return JwksCache(
            JwksEndpoint(issuer.jwks_url, ca_file=issuer.ca_file, bearer_file=issuer.bearer_file),
            name=name,
            clock=self._clock,
            jitter=random.random,
            observer=self._metrics,
            waiting=self._waiting,
            spans=self._spans,
        )


def _bucket_sessions(
    name: str, settings: Settings, bucket: Bucket, source: SessionSource, longest_lifetime: float
) -> BucketSessions:
    account, call = _asked(name, settings.buckets[name])
    return BucketSessions(
        source=source,
        address=bucket.address,
        longest_lifetime=longest_lifetime,
        probe_policy=bucket.probe_policy,
        account=account,
        call=call,
    )


def _asked(name: str, bucket: BucketSettings) -> tuple[str, str]:
    """Return who throttles the requests for sessions, and what gets one, as a span names it.

    AWS throttles our account in each region, any other store by itself. Keys ask nobody.
    """
    sts = f"{bucket.sts_endpoint_url or 'AWS'} {bucket.region}"
    match bucket.credentials:
        case "assume_role":
            return sts, "STS.AssumeRole"
        case "web_identity":
            return sts, "STS.AssumeRoleWithWebIdentity"
        case "static":
            return f"keys of {name}", "static keys"
        case "r2":
            return f"keys of {name}", "token of R2"
        case _:
            assert_never(bucket.credentials)


def issuers_of(settings: Settings, entries: Iterable[CallerEntry]) -> dict[str, Issuer]:
    """Return the issuers by name, each with the claims of its tokens that `entries` name."""
    for_all = {claim for named in settings.named_buckets() for claim in pointers(named.prefix)}
    in_prefixes = {name: set(for_all) for name in settings.issuers}
    facts = {name: set[Fact]() for name in settings.issuers}
    for entry in entries:
        if entry.issuer in facts:
            for grant in entry.grants:
                in_prefixes[entry.issuer].update(pointers(grant.prefix))
            for any_of in entry.claims:
                facts[entry.issuer].update(any_of)
    return {
        name: Issuer(
            name=name,
            issuer=configured.issuer,
            audiences=configured.audience,
            max_lifetime_seconds=configured.max_lifetime_seconds,
            named=NamedClaims(pointers=frozenset(in_prefixes[name]), facts=frozenset(facts[name])),
        )
        for name, configured in settings.issuers.items()
    }


def store_tls_context(settings: Settings) -> ssl.SSLContext:
    """The certificates to trust when calling a store. Raises ConfigurationError."""
    try:
        return tls_context(settings.server.ca_bundle)
    except (OSError, ValueError):  # it was readable when the settings were read
        problem = "server.ca_bundle (or AWS_CA_BUNDLE) cannot be read"
        raise ConfigurationError([problem]) from None


def _ca_digest(settings: Settings) -> str:
    """A digest of all CA bundles for stores and STS. It changes when one is rotated."""
    return content_digest(authority_files(settings))


def page_settings(settings: Settings) -> PageSettings | None:
    if (console := settings.console) is None:
        return None
    return PageSettings(name=console.name, colour=console.colour, sign_in=_sign_in(settings))


def _sign_in(settings: Settings) -> SignIn | None:
    console = settings.console
    if console is None or console.issuer is None or console.client_id is None:
        return None
    issuer = settings.issuers[console.issuer].issuer
    parts = urlsplit(issuer)
    return SignIn(
        name=console.issuer,
        issuer=issuer,
        client_id=console.client_id,
        origins=(f"{parts.scheme}://{parts.netloc}", *console.issuer_origins),
    )


async def close_sources(
    sources: Iterable[SessionSource], *, keep: Iterable[SessionSource] = ()
) -> None:
    """Sources may share an STS client: it is closed with the last one."""
    kept = {id(each) for each in keep}
    closing = [
        each.close() for each in sources if isinstance(each, AssumedRole) and id(each) not in kept
    ]
    await run_all("could not close an STS client", closing)


async def run_all(failure: str, work: Iterable[Awaitable[None]]) -> None:
    """Await all `work` concurrently. Logs `failure` for each exception."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, Exception):
            log.warning(failure, exc_info=outcome)
