"""The settings of build caches."""

from collections.abc import Iterable
from typing import Annotated, Final, Self

from pydantic import AfterValidator, model_validator

from service.access.callers import pointers
from service.config.durations import Duration
from service.config.quoting import Shown
from service.config.types import BucketName, Prefix, Section
from service.protocols.build_caches.places import TICKET_SECONDS, Cache, Caches, CacheTicket
from service.protocols.protocol import NamedBucket, Shared
from service.protocols.tickets import TicketKeys

_DAY: Final = 86_400


def _check_place(prefix: str) -> str:
    if pointers(prefix) or not prefix.endswith("/"):
        raise ValueError("write a prefix without placeholders that ends in /")
    return prefix


Place = Annotated[Prefix, AfterValidator(_check_place)]


class BuildCacheSettings(Section):
    """Remote [build caches](build-caches.md) for Turborepo and Nx at `/caches/{name}`, by name. The
    first cache takes effect after a restart.
    """

    bucket: Shown[BucketName]
    """Bucket, by its name in this file."""

    trusted: Shown[Place]
    """Everybody with a grant reads it, and only those whose grant has `upload` here write it. It
    ends in `/`."""

    others: Shown[Place] | None = None
    """Below it, each other caller writes the folder that its own grant names. It ends in `/`.
    Without it, only trusted callers write."""

    ticket_seconds: Shown[Annotated[int, Duration(60, _DAY)]] = TICKET_SECONDS
    """Lifetime of a ticket, which replaces a CI job's short token. Tickets need `links.keys`."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        others = self.others
        if others and (others.startswith(self.trusted) or self.trusted.startswith(others)):
            raise ValueError("write two prefixes of which neither lies in the other")
        return self


NamedCaches = dict[str, BuildCacheSettings]


def values(caches: NamedCaches, shared: Shared) -> Caches:
    named = {
        name: Cache(
            name=name,
            bucket=each.bucket,
            trusted=each.trusted,
            others=each.others,
            ticket_seconds=each.ticket_seconds,
        )
        for name, each in caches.items()
    }
    keys = TicketKeys(shared.keys, CacheTicket) if shared.keys else None
    return Caches(named, keys, shared.public_url)


def buckets(caches: NamedCaches) -> Iterable[NamedBucket]:
    for name, each in caches.items():
        yield NamedBucket(("build_caches", name, "bucket"), each.bucket, each.trusted)
