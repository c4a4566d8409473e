"""What `presign check` says about package indexes: where they are, and who may use them."""

from collections.abc import Iterator
from typing import Final

from service.access.grants import Operation
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.rights import Target, Use
from service.protocols.roots import Roots

_DEPTH: Final = 1  # of PROJECT/, the folder that is listed
USES: Final = (
    Use(
        "list all projects",
        frozenset({Operation.LIST}),
        in_part="list some projects",
        list_depth=_DEPTH,
    ),
    Use(
        "download the files of all projects",
        frozenset({Operation.LIST, Operation.DOWNLOAD}),
        in_part="download the files of some projects",
        list_depth=_DEPTH,
    ),
)


def targets(indexes: Roots, _: CheckedConfiguration) -> Iterator[Target]:
    for name, index in indexes.named.items():
        yield Target(
            uses=USES,
            where=f"in the package index {name}",
            location=("package_index", name),
            bucket=index.bucket,
            prefix=index.prefix,
            description=f"package_index {name}: /simple/{name}/ has the projects",
        )


CHECK: Final = Check(targets=targets)
