"""Python package indexes, for pip and uv."""

from typing import Final

from service.protocols.package_index.check import CHECK
from service.protocols.package_index.hashes import FileHashes
from service.protocols.package_index.indexes import FEATURE, PackageIndexes
from service.protocols.package_index.routes import router
from service.protocols.package_index.settings import Indexes, buckets, values
from service.protocols.protocol import Protocol
from service.protocols.roots import Roots

PROTOCOL: Final[Protocol[Indexes, Roots]] = Protocol(
    section="package_index",
    settings=dict,
    values=values,
    use_case=lambda core, values: PackageIndexes(
        values, core.listings, FileHashes(core.authorizer, core.object_checks)
    ),
    routers=(router,),
    feature=FEATURE,
    check=CHECK,
    buckets=buckets,
)
