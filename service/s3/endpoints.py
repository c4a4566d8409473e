"""Resolves a bucket to scheme, host, path prefix and region. botocore decides, once, at the start.

botocore knows every partition, FIPS, dual-stack, accelerate and access points, and its mistakes are
AWS's own. So botocore signs one sample URL for each bucket, and we read the address from it. No
request goes through botocore.

The client configuration below is right in every region (we measured all of them):
- SigV4, because old regions still default to SigV2.
- Virtual addressing, because `auto` gives the global host. That host redirects, and a redirect
  breaks the signature.
- Regional us-east-1, for the same reason.
"""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qs, urlsplit

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import get_session

from service.errors import ConfigurationError, ConfigurationProblem
from service.signing.signer import SERVICE, Address

AddressingStyle = Literal["virtual", "path"]

_KEY = "k"  # of the sample URL
_MULTI_REGION = re.compile(r"arn:[^:]*:s3::[^:]+:.*")  # without a region
_EXPRESS = re.compile(r".*--(?:x|xa)-s3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A bucket's name, or the ARN of an access point, and how to reach it.

    `endpoint_url` is set for stores other than AWS; the `addressing_style` to use then depends on
    the store. `inner` is how the service itself reaches the bucket, if that differs.
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
    """Return the address of each bucket by name.

    Raises ConfigurationError with a problem for each bucket that cannot be resolved.
    """
    addresses: dict[str, Address] = {}
    problems: list[ConfigurationProblem] = []
    async with AsyncExitStack() as stack:
        clients = _Clients(stack)
        for name, location in locations.items():
            try:
                addresses[name] = await _address(clients, location)
            # botocore does not wrap the ValueErrors of urllib and of its own settings.
            except (BotoCoreError, ValueError) as error:
                problems.append(ConfigurationProblem(str(error), ("buckets", name)))
    if problems:
        raise ConfigurationError(problems)
    return addresses


@cache
def known_regions() -> frozenset[str]:
    """Return the regions of S3 in all partitions that botocore knows."""
    session = get_session()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("s3", partition)
    )


async def _address(clients: "_Clients", location: Location) -> Address:
    _refuse_unsignable(location)
    client = await clients.of(location)
    url = urlsplit(
        await client.generate_presigned_url(
            "get_object", Params={"Bucket": location.bucket, "Key": _KEY}
        )
    )
    _, _, region, service, _ = parse_qs(url.query)["X-Amz-Credential"][0].split("/")
    if service != SERVICE:
        raise ValueError(f"requests are signed for {service}; only s3 is supported")
    return Address(
        scheme=url.scheme,
        host=_host(url),
        path_prefix=url.path.removesuffix(_KEY),
        region=region,
        inner=None if location.inner is None else await _address(clients, location.inner),
    )


class _Clients:
    """Makes one client for all buckets that differ only in their name: each takes 10 ms."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """`stack` closes the clients."""
        self._stack = stack
        # One session for all: reading botocore's data takes a tenth of a second.
        self._session = aioboto3.Session(
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106 - it signs the sample URLs
        )
        self._made: dict[Location, Any] = {}

    async def of(self, location: Location) -> Any:
        alike = replace(location, bucket="", inner=None)
        if alike not in self._made:
            client = self._session.client(
                "s3",
                region_name=location.region,
                endpoint_url=location.endpoint_url,
                config=client_config(location),
            )
            self._made[alike] = await self._stack.enter_async_context(client)
        return self._made[alike]


def client_config(location: Location) -> Config:
    return Config(
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


def _host(url: SplitResult) -> str:
    """Return the `Host` that clients send: in lower case, without a default port or a user name."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    default_port = {"http": 80, "https": 443}[url.scheme]
    return host if url.port in {None, default_port} else f"{host}:{url.port}"


def _refuse_unsignable(location: Location) -> None:
    """Raises ValueError for buckets that botocore would sign wrongly."""
    if _MULTI_REGION.fullmatch(location.bucket):
        raise ValueError(
            "a Multi-Region Access Point needs SigV4A, which is not supported; "
            "name a bucket, or an access point of one region"
        )
    if _EXPRESS.fullmatch(location.bucket):
        raise ValueError(
            "an S3 Express directory bucket needs CreateSession, which is not supported; "
            "name a general purpose bucket"
        )
    if location.bucket.startswith("arn:") and location.endpoint_url is not None:
        raise ValueError("an ARN cannot be combined with an endpoint_url; name the bucket")
