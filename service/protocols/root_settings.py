"""The settings of what a name in the addresses of a protocol means."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator

from service.access.callers import pointers
from service.config.quoting import Shown
from service.config.types import BucketName, Prefix, Section
from service.errors import Location
from service.protocols.protocol import NamedBucket
from service.protocols.roots import ProtocolRoot, Roots


def _check_directory(prefix: str) -> str:
    if pointers(prefix) or (prefix and not prefix.endswith("/")):
        raise ValueError(
            'write a prefix without placeholders that ends in /, or "" for the whole bucket'
        )
    return prefix


class RootSettings(Section):
    """A bucket and a prefix, by the name in an address."""

    bucket: Shown[BucketName]
    """Bucket, by its name in this file."""

    prefix: Shown[Annotated[Prefix, AfterValidator(_check_directory)]]
    """Ends in `/`, or is empty."""


def roots(path: str, named: Mapping[str, RootSettings]) -> Roots:
    found = {name: ProtocolRoot(root.bucket, root.prefix) for name, root in named.items()}
    return Roots(path, found)


def named_buckets(location: Location, named: Mapping[str, RootSettings]) -> Iterator[NamedBucket]:
    for name, root in named.items():
        yield NamedBucket((*location, name, "bucket"), root.bucket, root.prefix)
