"""What `presign check` says about Git LFS: where repositories are, and who may use them."""

import re
from collections.abc import Iterator

from service.access.callers import CallerEntry, without_placeholders
from service.access.grants import Grant, Operation
from service.app.settings import Settings
from service.cli.check.quantities import size
from service.cli.check.rights import Right, right
from service.config.git_lfs import LfsRepositorySettings
from service.errors import ConfigurationProblem

_ANY_CLAIM = r"[A-Za-z0-9_.-]+"
_PULL = frozenset({Operation.CHECK, Operation.DOWNLOAD})
_PUSH = frozenset({Operation.CHECK, Operation.UPLOAD})


def describe(settings: Settings) -> Iterator[str]:
    if (lfs := settings.git_lfs) is None:
        return
    yield _large_objects(settings, size(lfs.multipart_threshold))
    for name, repository in lfs.repositories.items():
        where = f"{repository.bucket}/{repository.prefix}"
        yield f"git_lfs {name}: /lfs/{name} has its objects in {where}"


def rights(settings: Settings, entry: CallerEntry) -> Iterator[Right]:
    if (lfs := settings.git_lfs) is not None:
        for name, repository in lfs.repositories.items():
            yield from right(_allowed(repository, entry), f"in the Git LFS repository {name}")


def warnings(
    settings: Settings, entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    if (lfs := settings.git_lfs) is None:
        return
    for name, repository in lfs.repositories.items():
        at = ("git_lfs", "repositories", name)
        if not any(_allowed(repository, entry) for entry in entries):
            text = (
                "nobody may use it; a caller needs a grant with `check`, and with `download` or "
                f"`upload`, that covers {repository.bucket}/{repository.prefix}"
            )
            yield ConfigurationProblem(text, at)
        if not settings.buckets[repository.bucket].conditional_writes:
            text = f"bucket {repository.bucket} has no conditional writes, so nobody may push"
            yield ConfigurationProblem(text, (*at, "bucket"))


def _large_objects(settings: Settings, threshold: str) -> str:
    if settings.links is None:
        return "git_lfs: objects over 5 GiB are refused; their uploads need the keys of `links`"
    return (
        f"git_lfs: objects over {threshold} are sent in parts by clients that can; the keys of "
        "`links` seal what completes them"
    )


def _allowed(repository: LfsRepositorySettings, entry: CallerEntry) -> list[str]:
    """Return what a matching caller may do, if its claims suit the grants."""
    allowed = {
        operation
        for grant in entry.grants
        if grant.bucket == repository.bucket and may_cover(grant, repository.prefix)
        for operation in grant.allow
    }
    needed = {"pull": _PULL, "push": _PUSH, "push in parts": _PUSH | {Operation.MULTIPART}}
    return [name for name, operations in needed.items() if allowed >= operations]


def may_cover(grant: Grant, prefix: str) -> bool:
    """Whether the grant covers all keys below the prefix, for some claims at least."""
    between = without_placeholders(grant.prefix, lambda _: "\n").split("\n")
    pattern = _ANY_CLAIM.join(map(re.escape, between))
    return grant.covers_subtree and re.match(pattern, prefix) is not None
