"""Python package indexes, for pip and uv."""

from typing import Final

from service.protocols.package_index.check import CHECK
from service.protocols.package_index.settings import Indexes, buckets, values
from service.protocols.protocol import Protocol
from service.protocols.roots import Roots

PROTOCOL: Final[Protocol[Indexes, Roots]] = Protocol(
    routes=f"{__name__}.routes",
    section="package_index",
    settings=dict,
    values=values,
    check=CHECK,
    buckets=buckets,
)
