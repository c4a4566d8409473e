"""Bucket -> scheme, host, path prefix, region. botocore decides, once a bucket, at start.

botocore knows every partition, FIPS, dual-stack, accelerate and access points, and its mistakes are
AWS's own. So it signs one throw-away URL a bucket, and we read off it where the bucket is. After
that no botocore stands on the way of a request.

The configuration below is the one that is right in every region (all measured): SigV4, since in
old regions the default is still SigV2; virtual addressing, since `auto` gives the global host, which
redirects, and a redirect breaks the signature; regional us-east-1, for the same reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qs, urlsplit

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from service.errors import ConfigurationError
from service.signing.signer import SERVICE, Address

AddressingStyle = Literal["virtual", "path"]

_KEY = "k"  # of the throw-away URL
_MULTI_REGION = re.compile(r"arn:[^:]*:s3::[^:]+:.*")  # no region: it is for all of them
_EXPRESS = re.compile(r".*--(?:x|xa)-s3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A bucket's name, or the ARN of an access point, and how to reach it.

    `endpoint_url` is a store of one's own; the addressing style is then the store's affair. `inner`
    is how the service itself reaches the bucket, if otherwise than its users.
    """

    bucket: str
    region: str
    endpoint_url: str | None = None
    addressing_style: AddressingStyle = "virtual"
    fips: bool = False
    dual_stack: bool = False
    accelerate: bool = False
    inner: "Location | None" = None


async def resolve(locations: Mapping[str, Location]) -> dict[str, Address]:
    """The address of each. Raises ConfigurationError with a sentence for each that has none."""
    # One session for all: it reads botocore's data once, which takes a tenth of a second.
    session = aioboto3.Session(aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106 - the throw-away URL's
    addresses: dict[str, Address] = {}
    problems: list[str] = []
    for name, location in locations.items():
        try:
            addresses[name] = await _address(session, location)
        # botocore has errors of its own, but lets those of urllib and of its settings through
        except (BotoCoreError, ValueError, _Unsignable) as error:
            problems.append(f"buckets.{name}: {error}")
    if problems:
        raise ConfigurationError(problems)
    return addresses


class _Unsignable(Exception):
    pass


async def _address(session: aioboto3.Session, location: Location) -> Address:
    _refuse_unsignable(location)
    url = urlsplit(await _throw_away_url(session, location))
    _, _, region, service, _ = parse_qs(url.query)["X-Amz-Credential"][0].split("/")
    if service != SERVICE:
        raise _Unsignable(f"signs as {service}; only what signs as s3 is served")
    return Address(
        scheme=url.scheme,
        host=_host(url),
        path_prefix=url.path.removesuffix(_KEY),
        region=region,
        inner=None if location.inner is None else await _address(session, location.inner),
    )


async def _throw_away_url(session: aioboto3.Session, location: Location) -> str:
    config = Config(
        signature_version="s3v4",
        s3={
            "addressing_style": location.addressing_style,
            "us_east_1_regional_endpoint": "regional",
            "use_accelerate_endpoint": location.accelerate,
            "use_arn_region": True,
            "use_dualstack_endpoint": location.dual_stack,
        },
        use_fips_endpoint=location.fips,
        use_dualstack_endpoint=location.dual_stack,
        ignore_configured_endpoint_urls=True,
    )
    async with session.client(
        "s3", region_name=location.region, endpoint_url=location.endpoint_url, config=config
    ) as client:
        url: str = await client.generate_presigned_url(
            "get_object", Params={"Bucket": location.bucket, "Key": _KEY}
        )
        return url


def _host(url: SplitResult) -> str:
    """The `Host` that clients send: in lower case, without a default port or a user's name."""
    host = url.hostname or ""
    bare = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[url.scheme]
    return bare if url.port in {None, default} else f"{bare}:{url.port}"


def _refuse_unsignable(location: Location) -> None:
    """What botocore would sign, and sign wrongly."""
    if _MULTI_REGION.fullmatch(location.bucket):
        raise _Unsignable(
            "a Multi-Region Access Point needs SigV4A, which is not served; "
            "name a bucket, or an access point of one region"
        )
    if _EXPRESS.fullmatch(location.bucket):
        raise _Unsignable(
            "an S3 Express directory bucket needs CreateSession, which is not served; "
            "name a general purpose bucket"
        )
    if location.bucket.startswith("arn:") and location.endpoint_url is not None:
        raise _Unsignable("an ARN cannot be combined with an endpoint_url; name the bucket")
