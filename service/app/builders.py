"""Turns settings into the values that the other rooms receive."""

import math
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from service.access.bucket_arns import BucketArns, bucket_arns
from service.access.callers import ANONYMOUS, CallerEntry, Identity
from service.access.claims import fact
from service.access.conditions import tag_name
from service.access.grants import Conditions, Grant, Operation
from service.app.settings import Settings
from service.auth.api_keys import ApiKey, ApiKeys, KeyUses
from service.config.buckets import BucketSettings
from service.config.callers import CallerSettings, GrantSettings
from service.config.cloudfront import CloudFrontSettings, read_key_file
from service.config.durations import parse_rate
from service.errors import ConfigurationError, ConfigurationProblem
from service.presigning.bucket import Bucket
from service.presigning.delivery import Delivery
from service.presigning.snapshot import Snapshot
from service.s3.location import Location
from service.signing.actions import Encryption
from service.signing.cloudfront import CloudFrontSigner
from service.signing.signer import MAX_EXPIRES_IN, Address

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
    url = bucket.endpoint_url
    if url == bucket.signed_endpoint_url:
        return location
    internal = replace(location, endpoint_url=url, addressing_style=bucket.style(url))
    return replace(location, internal=internal)


def snapshot(
    settings: Settings,
    addresses: Mapping[str, Address],
    now: Callable[[], float],
    uses: KeyUses | None = None,
    replacing: tuple[Settings, Snapshot] | None = None,
) -> Snapshot:
    """`now` returns epoch seconds, and `uses` counts the uses of API keys.

    With `replacing`, the entries of callers that it has too are kept.
    """
    anonymous = settings.unsafe_anonymous_caller
    return Snapshot(
        buckets=buckets(settings, addresses, deliveries(settings)),
        callers=caller_entries(settings, {} if replacing is None else _known(settings, *replacing)),
        api_keys=ApiKeys(_api_keys(settings), now, uses),
        default_expires_in=settings.server.default_expires_in,
        unsafe_anonymous_caller=None if anonymous is None else Identity(ANONYMOUS),
    )


def _api_keys(settings: Settings) -> Iterator[ApiKey]:
    for caller in settings.callers:
        end = None if caller.not_after is None else caller.not_after.timestamp()
        if caller.api_key is not None:
            for digest in caller.sha256 or ():
                yield ApiKey(digest, caller.api_key, end)


def buckets(
    settings: Settings,
    addresses: Mapping[str, Address],
    delivered: Mapping[str, Delivery] = MappingProxyType({}),
) -> dict[str, Bucket]:
    """`delivered` are the buckets that CloudFront delivers."""
    tags = tags_read_by(settings)
    return {
        name: _bucket(name, bucket, addresses[name], tags, delivered.get(name))
        for name, bucket in settings.buckets.items()
    }


def deliveries(settings: Settings) -> dict[str, Delivery]:
    """Raises ConfigurationError for a private key that cannot be read."""
    found = {name: bucket.cloudfront for name, bucket in settings.buckets.items()}
    return {name: _delivery(name, each) for name, each in found.items() if each is not None}


def _delivery(name: str, cloudfront: CloudFrontSettings) -> Delivery:
    signing = cloudfront.keys[0]
    try:
        private_key = read_key_file(signing.private_key_file)
    except ValueError as error:  # it was readable when the settings were read
        at = ("buckets", name, "cloudfront", "keys", 0, "private_key_file")
        raise ConfigurationError([ConfigurationProblem(str(error), at)]) from None
    return Delivery(
        origin=cloudfront.url,
        signer=CloudFrontSigner(signing.id, private_key),
        surfaces=frozenset(cloudfront.deliver),
        response_parameters=cloudfront.response_parameters,
    )


def _bucket(
    name: str,
    bucket: BucketSettings,
    address: Address,
    tags: tuple[str, ...],
    delivery: Delivery | None,
) -> Bucket:
    return Bucket(
        s3_bucket=bucket.bucket or name,
        address=address,
        arns=arns(name, bucket, address.region, tags),
        has_tokens=bucket.kind.has_tokens,
        encryption=encryption(bucket),
        copy_group=_copy_group(name, bucket, address.region),
        conditional_writes=bucket.conditional_writes,
        conditional_copies=conditional_copies(bucket),
        compares_payload_hash=bucket.is_at_aws,  # MiniStack 1.5 and SeaweedFS 4.48 do not
        tag_urls=bucket.tag_urls,
        cloudfront=delivery,
    )


def _copy_group(name: str, bucket: BucketSettings, region: str) -> tuple[Hashable, ...]:
    """Return what buckets share if one session of theirs may read the one and write the other."""
    keys = (bucket.role_arn, bucket.external_id, *bucket.files_of_keys)
    only = (name,) if bucket.kind.has_tokens else ()  # a token is for one bucket
    return (bucket.credentials, bucket.is_scoped, bucket.endpoint_url, region, *keys, *only)


def conditional_copies(bucket: BucketSettings) -> bool:
    """Whether the store obeys the conditions of copies: only AWS is sure to."""
    set_so = bucket.conditional_copies
    return bucket.is_at_aws if set_so is None else set_so


def encryption(bucket: BucketSettings) -> Encryption | None:
    """Return the encryption that every upload is signed with."""
    if (chosen := bucket.encryption) is None:
        return None
    return Encryption(algorithm=chosen.algorithm, kms_key_id=chosen.kms_key_id)


def _known(settings: Settings, old: Settings, snapshot: Snapshot) -> dict[int, CallerEntry]:
    """Return the old entries that `settings` may have too, by the ids of their callers.

    A reload keeps the callers whose text is the same. A/B, one of 40,000 has changed: the snapshot
    takes 0.06 s of CPU, and 0.27 s if all entries are made.
    """
    default = settings.server.default_expires_in
    if settings.buckets != old.buckets or default != old.server.default_expires_in:
        return {}  # `max_expires_in` reads these two
    return dict(zip(map(id, old.callers), snapshot.callers, strict=False))  # anonymous: the last


def caller_entries(
    settings: Settings, known: Mapping[int, CallerEntry] = MappingProxyType({})
) -> tuple[CallerEntry, ...]:
    entries = [
        known.get(id(caller)) or _caller_entry(caller, settings) for caller in settings.callers
    ]
    if settings.unsafe_anonymous_caller is not None:
        grants = _grants(settings.unsafe_anonymous_caller.grants, settings)
        entries.append(CallerEntry(issuer=None, subject=ANONYMOUS.subject, grants=grants))
    return tuple(entries)


def _caller_entry(caller: CallerSettings, settings: Settings) -> CallerEntry:
    revoked = caller.revoked_before
    return CallerEntry(
        issuer=caller.issuer,
        subject=caller.api_key or caller.subject,
        claims=tuple(
            tuple(fact(pointer, value) for value in any_of)
            for pointer, any_of in (caller.claims or {}).items()
        ),
        grants=_grants(caller.grants, settings),
        rate=None if caller.rate_limit is None else parse_rate(caller.rate_limit),
        revoked_before=-math.inf if revoked is None else revoked.timestamp(),
    )


def _grants(grants: tuple[GrantSettings, ...], settings: Settings) -> tuple[Grant, ...]:
    return tuple(_grant(grant, max_expires_in(grant, settings)) for grant in grants)


def _grant(grant: GrantSettings, longest: int | None) -> Grant:
    given = {**vars(grant), "allow": _allowed(grant.allow), "max_expires_in": longest}
    places = (given.pop("networks"), given.pop("vpc_endpoints"))
    tags = given.pop("only_if_tagged")
    return Grant(**given, conditions=_conditions(*places, tuple((tags or {}).items())))


def max_expires_in(grant: GrantSettings, settings: Settings) -> int | None:
    """Return the longest lifetime in seconds that the grant gives. None is no limit.

    Nobody can revoke a CloudFront URL. So the longest one is the service's default, unless the
    grant says more.
    """
    cloudfront = settings.buckets[grant.bucket].cloudfront
    is_delivered = cloudfront is not None and Operation.DOWNLOAD in grant.allow
    if is_delivered and grant.max_expires_in is None:
        return settings.server.default_expires_in
    return grant.max_expires_in


# The grants of thousands of callers allow the same operations, under the same conditions.
_allowed = lru_cache(maxsize=1024)(frozenset[Operation])


@lru_cache(maxsize=1024)
def _conditions(
    networks: tuple[str, ...] | None,
    vpc_endpoints: tuple[str, ...] | None,
    tags: tuple[tuple[str, str], ...],
) -> Conditions | None:
    if not (networks or vpc_endpoints or tags):
        return None
    return Conditions(
        networks=tuple(sorted({*(networks or ())})),
        vpc_endpoints=tuple(sorted({*(vpc_endpoints or ())})),
        only_if_tagged=tuple(sorted(tags)),
    )


def tags_read_by(settings: Settings) -> tuple[str, ...]:
    """Return the names of tags that some grant reads by, sorted."""
    names = {name for grant in settings.distinct_grants for name in grant.only_if_tagged or ()}
    return tuple(sorted({tag_name(name): name for name in sorted(names)}.values()))


_DELIVERED: Final = frozenset({Operation.DOWNLOAD, Operation.LINK})


def longest_lifetimes(settings: Settings) -> dict[str, float]:
    """The longest lifetime, in seconds, that any grant on each bucket gives a URL of S3."""
    found: dict[str, int] = {}
    for grant in settings.distinct_grants:
        cloudfront = settings.buckets[grant.bucket].cloudfront
        is_delivered = cloudfront is not None and cloudfront.delivers_all
        if is_delivered and _DELIVERED.issuperset(grant.allow):
            continue  # such URLs belong to no session
        limit = min(max_expires_in(grant, settings) or MAX_EXPIRES_IN, MAX_EXPIRES_IN)
        found[grant.bucket] = max(limit, found.get(grant.bucket, 0))
    default = settings.server.default_expires_in
    return {name: float(found.get(name, default)) for name in settings.buckets}


def arns(
    name: str, bucket: BucketSettings, region: str, tags: tuple[str, ...]
) -> BucketArns | None:
    """The bucket's ARNs for a session policy. None if its sessions have none.

    `tags` are those of `tags_read_by`.
    """
    if not bucket.is_scoped or bucket.kind.role_trusts is None:
        return None
    return replace(iam_arns(name, bucket, region), tags_read_by=tags)


def iam_arns(name: str, bucket: BucketSettings, region: str) -> BucketArns:
    role_arn = _AWS_PARTITION.fullmatch(bucket.role_arn or "")
    partition = "aws" if role_arn is None else role_arn[1]
    kms_via: tuple[str, ...] = ()
    if at_aws := bucket.is_at_aws:
        # docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        # #conditions-kms-via-service
        kms_via = (f"s3.{region}.amazonaws.com",)
        if partition == "aws-cn":
            kms_via += (f"s3.{region}.amazonaws.com.cn",)
    return bucket_arns(
        bucket.bucket or name, partition=partition, kms_via=kms_via, enforces_limits=at_aws
    )
