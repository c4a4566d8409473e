"""What `presign check` says about shelves."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Operation
from service.access.prefix_coverage import may_cover
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, Checked, Right, right
from service.protocols.roots import ProtocolRoot, Roots


def describe(shelves: Roots) -> Iterator[str]:
    for name, shelf in shelves.named.items():
        yield f"shelves {name}: /shelf/{name} has its files in {shelf.bucket}/{shelf.prefix}"


def rights(shelves: Roots, entry: CallerEntry, _: Checked) -> Iterator[Right]:
    for name, shelf in shelves.named.items():
        yield from right(["take files"] if _may_take(shelf, entry) else [], f"of the shelf {name}")


def warnings(shelves: Roots | None, checked: Checked) -> Iterator[ConfigurationProblem]:
    for name, shelf in ({} if shelves is None else shelves.named).items():
        if not any(_may_take(shelf, entry) for entry in checked.entries()):
            yield ConfigurationProblem("nobody may take its files", ("shelves", name))


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)


def _may_take(shelf: ProtocolRoot, entry: CallerEntry) -> bool:
    return any(
        grant.bucket == shelf.bucket
        and Operation.DOWNLOAD in grant.allow
        and may_cover(grant, shelf.prefix)
        for grant in entry.grants
    )
