"""Asks botocore where buckets are. `main` is a program: JSON on standard input and output.

botocore knows every partition, FIPS, dual-stack, accelerate and access points, and its mistakes are
AWS's own. So botocore signs one sample URL for each bucket, and we read the address from it. No
request goes through botocore.

The client configuration below is right in every region (we measured all of them):
- SigV4, because old regions still default to SigV2.
- Virtual addressing, because `auto` gives the global host. That host redirects, and a redirect
  breaks the signature.
- Regional us-east-1, for the same reason.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final, TypedDict
from urllib.parse import SplitResult, parse_qs, urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import create_loader
from botocore.session import Session

from service.s3.location import Location

_KEY: Final = "k"  # of the sample URL
_SERVICE: Final = "s3"
_MULTI_REGION = re.compile(r"arn:[^:]*:s3::[^:]+:.*")  # without a region
_EXPRESS = re.compile(r".*--(?:x|xa)-s3")


class Resolved(TypedDict):
    """An address or a problem for each bucket by name, and the regions that botocore knows.

    An address has the fields of `Address`.
    """

    addresses: dict[str, dict[str, Any]]
    problems: dict[str, str]
    regions: list[str]


def main() -> None:
    asked = {name: location_of(each) for name, each in json.load(sys.stdin).items()}
    json.dump(find_addresses(asked), sys.stdout)


def find_addresses(locations: Mapping[str, Location]) -> Resolved:
    session = Session()
    loader = _loader(session.get_config_variable("data_path"))
    session.register_component("data_loader", loader)
    client_for = cache(partial(_client, session))  # it takes 10 ms to make one
    found = Resolved(addresses={}, problems={}, regions=_regions(session))
    for name, location in locations.items():
        try:
            found["addresses"][name] = _address(client_for, location)
        # botocore does not wrap the ValueErrors of urllib and of its own settings.
        except (BotoCoreError, ValueError) as error:
            found["problems"][name] = str(error)
    return found


# Keeps botocore's data. To read it takes 0.06 s, and would leave 10 MB of garbage in cycles.
_loader = cache(create_loader)


def _regions(session: Session) -> list[str]:
    """Return the regions of S3 in all partitions."""
    partitions = session.get_available_partitions()
    return [name for each in partitions for name in session.get_available_regions(_SERVICE, each)]


def _address(client_for: Callable[[Location], Any], location: Location) -> dict[str, Any]:
    _refuse_unsignable(location)
    alike = replace(location, bucket="", internal=None)  # these share a client
    parameters = {"Bucket": location.bucket, "Key": _KEY}
    sample = client_for(alike).generate_presigned_url("get_object", Params=parameters)
    url = urlsplit(sample)
    _, _, region, service, _ = parse_qs(url.query)["X-Amz-Credential"][0].split("/")
    if service != _SERVICE:
        raise ValueError(f"requests are signed for {service}; only s3 is supported")
    return {
        "scheme": url.scheme,
        "host": _host(url),
        "path_prefix": url.path.removesuffix(_KEY),
        "region": region,
        "internal": None if location.internal is None else _address(client_for, location.internal),
    }


def _client(session: Session, location: Location) -> Any:
    return session.create_client(
        _SERVICE,
        region_name=location.region,
        endpoint_url=location.endpoint_url,
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - it signs the sample URLs
        config=client_config(location),
    )


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


def location_of(document: Mapping[str, Any]) -> Location:
    internal = document["internal"]
    return Location(**{**document, "internal": None if internal is None else location_of(internal)})
