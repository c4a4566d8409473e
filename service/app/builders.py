"""What the settings mean to the parts: each receives values of its own, and none reads settings."""

import math
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import httpx
from limits import parse

from service.access.callers import CallerEntry, Identity, Rate, pointers
from service.access.grants import Caller, Grant
from service.access.session_policy import BucketArns, bucket_arns
from service.auth.api_keys import ApiKeys
from service.auth.tokens import Issuer
from service.config.buckets import BucketSettings
from service.config.callers import CallerSettings, GrantSettings
from service.config.file import content_digest
from service.config.server import ambient_ca_bundle
from service.config.settings import Settings, authority_files
from service.errors import ConfigurationError
from service.presigning.snapshot import Bucket, Snapshot
from service.protocols.uppy.uploads import UploadTarget
from service.s3.endpoints import Location
from service.sessions.pool_entry import BucketSessions
from service.sessions.sts import Role, SessionSource
from service.signing.actions import Encryption
from service.signing.signer import MAX_EXPIRES_IN, Address

# No API key can be called so: see the names that settings allow.
_ANONYMOUS: Final = Caller(issuer=None, subject="unsafe anonymous caller")
_AWS_HOST = re.compile(r".*\.amazonaws\.com(?:\.cn)?")
_AWS_PARTITION = re.compile(r"arn:(aws[a-z-]*):iam::.*")


def locations(settings: Settings) -> dict[str, Location]:
    return {name: _location(name, bucket) for name, bucket in settings.buckets.items()}


def _location(name: str, bucket: BucketSettings) -> Location:
    location = Location(
        bucket=bucket.bucket or name,
        region=bucket.region,
        endpoint_url=bucket.signed_endpoint_url,
        addressing_style=bucket.style(bucket.signed_endpoint_url),
        fips=bucket.fips,
        dual_stack=bucket.dual_stack,
        accelerate=bucket.accelerate,
    )
    if bucket.endpoint_url == bucket.signed_endpoint_url:
        return location
    inner = replace(
        location,
        endpoint_url=bucket.endpoint_url,
        addressing_style=bucket.style(bucket.endpoint_url),
    )
    return replace(location, inner=inner)


def snapshot(settings: Settings, addresses: Mapping[str, Address]) -> Snapshot:
    anonymous = settings.unsafe_anonymous_caller
    return Snapshot(
        buckets={name: _bucket(name, settings, addresses[name]) for name in settings.buckets},
        callers=caller_entries(settings),
        api_keys=_api_keys(settings),
        default_expires_in=settings.server.default_expires_in,
        unsafe_anonymous_caller=None if anonymous is None else Identity(_ANONYMOUS),
        console=settings.console,
    )


def caller_entries(settings: Settings) -> tuple[CallerEntry, ...]:
    entries = [
        CallerEntry(
            issuer=caller.issuer,
            subject=_subject(caller),
            grants=_grants(caller.grants),
            rate=None if caller.rate_limit is None else _rate(caller.rate_limit),
            revoked_before=_epoch(caller.revoked_before),
        )
        for caller in settings.callers
    ]
    if settings.unsafe_anonymous_caller is not None:
        grants = _grants(settings.unsafe_anonymous_caller.grants)
        entries.append(CallerEntry(issuer=None, subject=_ANONYMOUS.subject, grants=grants))
    return tuple(entries)


def is_anonymous(of: CallerEntry | Caller) -> bool:
    return of.issuer is None and of.subject == _ANONYMOUS.subject


def caller_name(of: CallerEntry | Caller) -> str:
    """As an operator reads it."""
    if of.issuer is not None:
        return f"{of.subject} of {of.issuer}"
    return "ANYBODY (unsafe)" if is_anonymous(of) else f"API key {of.subject}"


def uppy_place(settings: Settings) -> UploadTarget | None:
    uppy = settings.uppy
    return None if uppy is None else UploadTarget(uppy.bucket, uppy.prefix, uppy.expires_in)


def _subject(caller: CallerSettings) -> str:
    """The subjects that an entry is for, or its API key's name."""
    subject = caller.api_key or caller.subject
    assert subject is not None  # the settings saw to it
    return subject


def pooled_bucket(
    name: str, settings: Settings, bucket: Bucket, source: SessionSource, longest_lifetime: float
) -> BucketSessions:
    return BucketSessions(
        source=source,
        address=bucket.address,
        longest_lifetime=longest_lifetime,
        probe_policy=bucket.probe_policy,
        account=_account(settings.buckets[name]),
    )


def promises(settings: Settings) -> dict[str, float]:
    """For each bucket the longest lifetime that any grant on it gives, in seconds."""
    found: dict[str, int] = {}
    for _, grant in settings.placed_grants():
        limit = grant.max_expires_in or MAX_EXPIRES_IN
        found[grant.bucket] = max(limit, found.get(grant.bucket, 0))
    default = settings.server.default_expires_in
    return {name: float(found.get(name, default)) for name in settings.buckets}


def role(bucket: BucketSettings, settings: Settings) -> Role:
    assert bucket.role_arn is not None  # the settings saw to it
    web_identity = bucket.credentials == "web_identity"
    return Role(
        arn=bucket.role_arn,
        region=bucket.region,
        session_seconds=bucket.session_seconds,
        external_id=bucket.external_id,
        session_tags=tuple(bucket.session_tags.items()),
        source_identity=bucket.source_identity,
        sts_endpoint_url=bucket.sts_endpoint_url,
        web_identity_token_file=settings.server.web_identity_token_file if web_identity else None,
    )


def issuer(name: str, settings: Settings) -> Issuer:
    configured = settings.issuers[name]
    return Issuer(
        name=name,
        issuer=configured.issuer,
        audience=configured.audience,
        max_lifetime_seconds=configured.max_lifetime_seconds,
        pointers=frozenset(_pointers(name, settings)),
    )


def _pointers(issuer: str, settings: Settings) -> Iterator[str]:
    """Of the claims that decide what a caller of the issuer may do."""
    for caller in settings.callers:
        if caller.issuer == issuer:
            for grant in caller.grants:
                yield from pointers(grant.prefix)
    if settings.uppy is not None:
        yield from pointers(settings.uppy.prefix)


def store_tls_context(settings: Settings) -> ssl.SSLContext:
    """Whom to trust when a store is called. Raises ConfigurationError if that cannot be read."""
    bundle = settings.server.ca_bundle
    try:
        if bundle is None:
            return httpx.create_ssl_context()
        return ssl.create_default_context(cafile=bundle)
    except (OSError, ValueError):  # it could be, when the settings were read
        problem = "server.ca_bundle (or AWS_CA_BUNDLE) cannot be read"
        raise ConfigurationError([problem]) from None


def authorities_digest(settings: Settings) -> str:
    """Of all the bundles that calls to stores and STS trust: it changes when one is rotated."""
    return content_digest(authority_files(settings))


def sts_authorities() -> str:
    """The same of what the SDK trusts, when it calls STS."""
    bundle = ambient_ca_bundle()
    return content_digest([] if bundle is None else [bundle])


def arns(name: str, bucket: BucketSettings, region: str) -> BucketArns | None:
    """How IAM names the bucket; None where its sessions are not scoped."""
    if not bucket.is_scoped:
        return None
    known = _AWS_PARTITION.fullmatch(bucket.role_arn or "")
    partition = "aws" if known is None else known[1]
    via = _kms_via(region, partition) if is_at_aws(bucket) else ()
    return bucket_arns(bucket.bucket or name, partition=partition, kms_via=via)


def is_at_aws(bucket: BucketSettings) -> bool:
    """Other stores may refuse a policy that names KMS, which they do not have."""
    host = urlsplit(bucket.endpoint_url or "").hostname
    return host is None or _AWS_HOST.fullmatch(host) is not None


def _kms_via(region: str, partition: str) -> tuple[str, ...]:
    """docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""
    service = f"s3.{region}.amazonaws.com"
    return (service, f"{service}.cn") if partition == "aws-cn" else (service,)


def _bucket(name: str, settings: Settings, address: Address) -> Bucket:
    bucket = settings.buckets[name]
    encryption = bucket.encryption
    return Bucket(
        s3_bucket=bucket.bucket or name,
        address=address,
        arns=arns(name, bucket, address.region),
        encryption=None
        if encryption is None
        else Encryption(algorithm=encryption.algorithm, kms_key_id=encryption.kms_key_id),
        conditional_writes=bucket.conditional_writes,
        tag_urls=bucket.tag_urls,
    )


def _api_keys(settings: Settings) -> ApiKeys:
    return ApiKeys(
        (digest, Identity(Caller(issuer=None, subject=caller.api_key)))
        for caller in settings.callers
        if caller.api_key is not None
        for digest in caller.sha256 or ()
    )


def _grants(grants: tuple[GrantSettings, ...]) -> tuple[Grant, ...]:
    return tuple(
        Grant(**{**grant.model_dump(), "allow": frozenset(grant.allow)}) for grant in grants
    )


def _rate(text: str) -> Rate:
    item = parse(text)
    return Rate(item.amount, item.get_expiry())


def _epoch(moment: datetime | None) -> float:
    return -math.inf if moment is None else moment.timestamp()


def _account(bucket: BucketSettings) -> str:
    """STS throttles whoever calls, so us, in each of its regions; each other store for itself."""
    return f"{bucket.sts_endpoint_url or 'AWS'} {bucket.region}"
