"""Remote build caches in buckets, for the unmodified Turborepo and Nx."""

from typing import Final

from service.protocols.build_caches.check import CHECK
from service.protocols.build_caches.places import Caches
from service.protocols.build_caches.settings import NamedCaches, buckets, values
from service.protocols.protocol import Protocol

PROTOCOL: Final[Protocol[NamedCaches, Caches]] = Protocol(
    routes=f"{__name__}.routes",
    section="build_caches",
    settings=dict,
    values=values,
    check=CHECK,
    buckets=buckets,
)
