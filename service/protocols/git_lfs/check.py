"""What `presign check` says about Git LFS: where repositories are, and who may use them."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.prefix_coverage import may_cover
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, Checked, Right, right
from service.protocols.git_lfs.repositories import PULL, LfsSettings
from service.protocols.quantities import size
from service.protocols.roots import ProtocolRoot


def describe(lfs: LfsSettings) -> Iterator[str]:
    yield _large_objects(lfs)
    for name, repository in lfs.repositories.named.items():
        where = f"{repository.bucket}/{repository.prefix}"
        yield f"git_lfs {name}: /lfs/{name} has its objects in {where}"


def rights(lfs: LfsSettings, entry: CallerEntry, checked: Checked) -> Iterator[Right]:
    for name, repository in lfs.repositories.named.items():
        allowed = _allowed(lfs, repository, entry)
        if not checked.buckets[repository.bucket].conditional_writes:
            allowed = [use for use in allowed if use == PULL]
        yield from right(allowed, f"in the Git LFS repository {name}")


def warnings(lfs: LfsSettings | None, checked: Checked) -> Iterator[ConfigurationProblem]:
    if lfs is None:
        return
    for name, repository in lfs.repositories.named.items():
        location = ("git_lfs", "repositories", name)
        if not any(_allowed(lfs, repository, entry) for entry in checked.entries()):
            text = (
                "nobody may use it; a caller needs a grant with `check`, and with `download` or "
                f"`upload`, that covers {repository.bucket}/{repository.prefix}"
            )
            yield ConfigurationProblem(text, location)
        if not checked.buckets[repository.bucket].conditional_writes:
            text = f"bucket {repository.bucket} has no conditional writes, so nobody may push"
            yield ConfigurationProblem(text, (*location, "bucket"))


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)


def _large_objects(lfs: LfsSettings) -> str:
    if lfs.keys is None:
        return "git_lfs: objects over 5 GiB are refused; their uploads need the keys of `links`"
    return (
        f"git_lfs: objects over {size(lfs.multipart_threshold)} are sent in parts by clients that "
        "can; the keys of `links` seal what completes them"
    )


def _allowed(lfs: LfsSettings, repository: ProtocolRoot, entry: CallerEntry) -> list[str]:
    """Return what a matching caller may do, if its claims suit the grants."""
    allowed = {
        operation
        for grant in entry.grants
        if grant.bucket == repository.bucket and may_cover(grant, repository.prefix)
        for operation in grant.allow
    }
    return [name for name, operations in lfs.uses() if allowed >= operations]
