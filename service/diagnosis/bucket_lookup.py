"""Which configured bucket, and which key in it, a URL names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from service.diagnosis.request import ParsedRequest
from service.signing.actions import Encryption
from service.signing.signer import Address

# Global, regional, dual-stack and legacy hosts: …/AmazonS3/latest/userguide/VirtualHosting.html
_AWS_HOST: Final = re.compile(
    r"(?:(?P<bucket>[a-z0-9.-]{3,63})\.)?s3(?:[.-][a-z0-9.-]{1,60})?\.amazonaws\.com(?:\.cn)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLocation:
    """A bucket and its address. Callers know it as `bucket`, the store as `s3_bucket`."""

    bucket: str
    s3_bucket: str
    address: Address
    encryption: Encryption | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        internal = self.address.internal
        return (self.address,) if internal is None else (self.address, internal)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(address.host for address in self.addresses)


class ObjectLocation(NamedTuple):
    """`key` is empty if the URL names the bucket itself."""

    location: BucketLocation
    key: str


def locate(request: ParsedRequest, locations: Iterable[BucketLocation]) -> list[ObjectLocation]:
    """Every match by host; if there is none, by the bucket's name in one of AWS's own hosts."""
    locations = list(locations)
    by_host = [
        ObjectLocation(location, key)
        for location in locations
        for address in location.addresses
        if address.host == request.host and (key := _key_below(request.path, address)) is not None
    ]
    return by_host or list(_by_aws_host(request, locations))


def locate_behind_proxy(request: ParsedRequest, location: BucketLocation) -> ObjectLocation:
    """The key that the path names, whatever the host is."""
    key = _key_below(request.path, location.address)
    return ObjectLocation(location, request.path.lstrip("/") if key is None else key)


def _key_below(path: str, address: Address) -> str | None:
    if path.startswith(address.path_prefix):
        return path[len(address.path_prefix) :]
    return "" if path == address.bucket_path else None


def _by_aws_host(
    request: ParsedRequest, locations: Iterable[BucketLocation]
) -> Iterator[ObjectLocation]:
    match = _AWS_HOST.fullmatch(request.host)
    if match is None:
        return
    bucket, key = match["bucket"], request.path[1:]
    if bucket is None:
        bucket, _, key = key.partition("/")
    for location in locations:
        if location.s3_bucket == bucket:
            yield ObjectLocation(location, key)
