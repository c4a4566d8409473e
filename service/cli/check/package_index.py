"""What `presign check` says about package indexes: where they are, and who may use them."""

from collections.abc import Iterator

from service.access.callers import CallerEntry, pointers
from service.access.grants import Grant, Operation
from service.app.settings import Settings
from service.cli.check.rights import Right, right
from service.config.package_index import PackageIndexSettings
from service.errors import ConfigurationProblem


def describe(settings: Settings) -> Iterator[str]:
    for name, index in settings.package_index.items():
        where = f"{index.bucket}/{index.prefix}"
        yield f"package_index {name}: /simple/{name}/ has the projects in {where}"


def rights(settings: Settings, entry: CallerEntry) -> Iterator[Right]:
    for name, index in settings.package_index.items():
        yield from right(_allowed(index, entry), f"in the package index {name}")


def warnings(
    settings: Settings, entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    for name, index in settings.package_index.items():
        if not any(_allowed(index, entry) for entry in entries):
            text = (
                "nobody may list it; a caller needs a grant with `list` and `download` that covers "
                f"{index.bucket}/{index.prefix}"
            )
            yield ConfigurationProblem(text, ("package_index", name))


def _allowed(index: PackageIndexSettings, entry: CallerEntry) -> list[str]:
    listed, files = (_projects(index, entry, each) for each in (Operation.LIST, Operation.DOWNLOAD))
    if listed == "no":
        return []
    return [f"list {listed} projects", f"download the files of {files} projects"]


def _projects(index: PackageIndexSettings, entry: CallerEntry, operation: Operation) -> str:
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


def covers_some(grant: Grant, prefix: str) -> bool:
    """Whether it covers keys below the prefix. It depends on the claims for a placeholder."""
    literal = grant.prefix.partition("{")[0]
    return literal.startswith(prefix) or (
        bool(pointers(grant.prefix)) and prefix.startswith(literal)
    )
