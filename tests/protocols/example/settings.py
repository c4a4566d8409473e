"""The section, and the values that it becomes."""

from collections.abc import Iterable

from service.protocols.protocol import NamedBucket, Shared
from service.protocols.root_settings import RootSettings, named_buckets, roots
from service.protocols.roots import Roots

Named = dict[str, RootSettings]


def values(shelves: Named, _: Shared) -> Roots:
    return roots("/shelf", shelves)


def buckets(shelves: Named) -> Iterable[NamedBucket]:
    return named_buckets(("shelves",), shelves)


def restart(old: Roots, new: Roots) -> list[str]:
    return ["shelves.attic"] if old.named.get("attic") != new.named.get("attic") else []
