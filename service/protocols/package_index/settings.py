"""The settings of Python package indexes."""

from collections.abc import Iterable

from service.protocols.protocol import NamedBucket, Shared
from service.protocols.root_settings import RootSettings, named_buckets, roots
from service.protocols.roots import Roots


class PackageIndexSettings(RootSettings):
    """Python [package indexes](package-index.md) at `/simple/{name}/`, by name: each project is in
    a directory with its normalized name. The first index takes effect after a restart.
    """


Indexes = dict[str, PackageIndexSettings]


def values(indexes: Indexes, _: Shared) -> Roots:
    return roots("/simple", indexes)


def buckets(indexes: Indexes) -> Iterable[NamedBucket]:
    return named_buckets(("package_index",), indexes)
