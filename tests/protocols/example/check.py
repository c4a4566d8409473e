"""What `presign check` says about shelves."""

from collections.abc import Iterator
from typing import Final

from service.access.grants import Operation
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.rights import Target, Use
from service.protocols.roots import Roots

TAKE: Final = Use("take files", frozenset({Operation.DOWNLOAD}))


def targets(shelves: Roots, _: CheckedConfiguration) -> Iterator[Target]:
    for name, shelf in shelves.named.items():
        yield Target(
            uses=(TAKE,),
            where=f"of the shelf {name}",
            location=("shelves", name),
            bucket=shelf.bucket,
            prefix=shelf.prefix,
            description=f"shelves {name}: /shelf/{name} has its files",
        )


CHECK: Final = Check(targets=targets)
