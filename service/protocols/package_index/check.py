"""What `presign check` says about package indexes: where they are, and who may use them."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.access.prefix_coverage import covers_some
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, Checked, Right, right
from service.protocols.roots import ProtocolRoot, Roots


def describe(indexes: Roots) -> Iterator[str]:
    for name, index in indexes.named.items():
        where = f"{index.bucket}/{index.prefix}"
        yield f"package_index {name}: /simple/{name}/ has the projects in {where}"


def rights(indexes: Roots, entry: CallerEntry, _: Checked) -> Iterator[Right]:
    for name, index in indexes.named.items():
        yield from right(_allowed(index, entry), f"in the package index {name}")


def warnings(indexes: Roots | None, checked: Checked) -> Iterator[ConfigurationProblem]:
    for name, index in ({} if indexes is None else indexes.named).items():
        if not any(_allowed(index, entry) for entry in checked.entries()):
            text = (
                "nobody may list it; a caller needs a grant with `list` and `download` that covers "
                f"{index.bucket}/{index.prefix}"
            )
            yield ConfigurationProblem(text, ("package_index", name))


def _allowed(index: ProtocolRoot, entry: CallerEntry) -> list[str]:
    listed, files = (
        _projects(index, entry, operation) for operation in (Operation.LIST, Operation.DOWNLOAD)
    )
    if listed == "no":
        return []
    return [f"list {listed} projects", f"download the files of {files} projects"]


def _projects(index: ProtocolRoot, entry: CallerEntry, operation: Operation) -> str:
    """Return which projects an operation is granted for: all, some or no."""
    grants = [
        grant for grant in entry.grants if grant.bucket == index.bucket and operation in grant.allow
    ]
    if any(_covers_all(grant, index.prefix) for grant in grants):
        return "all"
    return "some" if any(covers_some(grant, index.prefix) for grant in grants) else "no"


def _covers_all(grant: Grant, prefix: str) -> bool:
    # A prefix with a placeholder cannot begin that of an index, which has no braces.
    return grant.covers_subtree and prefix.startswith(grant.prefix)


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)
