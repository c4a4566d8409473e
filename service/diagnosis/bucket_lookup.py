"""Which bucket and key a URL is of, by where the configuration says that buckets are."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from service.diagnosis.request import ParsedRequest
from service.signing.actions import Encryption
from service.signing.signer import Address

# docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html: global, regional, dual-stack and old hosts
_AWS_HOST: Final = re.compile(
    r"(?:(?P<bucket>[a-z0-9.-]{3,63})\.)?s3(?:[.-][a-z0-9.-]{1,60})?\.amazonaws\.com(?:\.cn)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLocation:
    """A bucket, by the name that callers use, and where it is."""

    bucket: str
    s3_bucket: str
    address: Address
    encryption: Encryption | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        inner = self.address.inner
        return (self.address.host,) if inner is None else (self.address.host, inner.host)


class Located(NamedTuple):
    """The key that a URL names in a bucket; of the bucket itself it is empty."""

    place: BucketLocation
    key: str


def located(sent: ParsedRequest, places: Iterable[BucketLocation]) -> list[Located]:
    """Each place that the URL may be of, by its host; else by the bucket's name in one of AWS's hosts."""
    places = list(places)
    return list(_at_hosts(sent, places)) or list(_at_aws(sent, places))


def behind(sent: ParsedRequest, place: BucketLocation) -> Located:
    """Where a proxy or a host of another name stands before the bucket, as far as the path tells."""
    below = _below(sent.path, place.address)
    return Located(place, sent.path.lstrip("/") if below is None else below)


def _at_hosts(sent: ParsedRequest, places: Iterable[BucketLocation]) -> Iterator[Located]:
    for place in places:
        for address in (place.address, place.address.inner):
            if address is not None and address.host == sent.host:
                key = _below(sent.path, address)
                if key is not None:
                    yield Located(place, key)


def _below(path: str, address: Address) -> str | None:
    if path.startswith(address.path_prefix):
        return path[len(address.path_prefix) :]
    return "" if path == address.bucket_path else None


def _at_aws(sent: ParsedRequest, places: Iterable[BucketLocation]) -> Iterator[Located]:
    known = _AWS_HOST.fullmatch(sent.host)
    if known is None:
        return
    bucket, key = known["bucket"], sent.path[1:]
    if bucket is None:
        bucket, _, key = key.partition("/")
    for place in places:
        if place.s3_bucket == bucket:
            yield Located(place, key)
