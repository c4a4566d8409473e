"""What `presign check` says about Git LFS: where repositories are, and who may use them."""

from collections.abc import Iterator
from typing import Final

from service.access.grants import Operation
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.git_lfs.repositories import GitLfsValues
from service.protocols.quantities import size
from service.protocols.rights import Target, Use

_CHECK: Final = Operation.CHECK
PULL: Final = Use("pull", frozenset({_CHECK, Operation.DOWNLOAD}))
PUSH: Final = Use("push", frozenset({_CHECK, Operation.UPLOAD}), creates=True)
PARTS: Final = Use("push in parts", frozenset({_CHECK, Operation.MULTIPART}), creates=True)


def describe(lfs: GitLfsValues) -> Iterator[str]:
    if lfs.keys is None:
        yield "git_lfs: objects over 5 GiB are refused; their uploads need the keys of `links`"
        return
    yield (
        f"git_lfs: objects over {size(lfs.multipart_threshold)} are sent in parts by clients that "
        "can; the keys of `links` seal what completes them"
    )


def targets(lfs: GitLfsValues, _: CheckedConfiguration) -> Iterator[Target]:
    for name, repository in lfs.repositories.named.items():
        yield Target(
            uses=(PULL, PUSH) if lfs.keys is None else (PULL, PUSH, PARTS),
            where=f"in the Git LFS repository {name}",
            location=("git_lfs", "repositories", name),
            bucket=repository.bucket,
            prefix=repository.prefix,
            description=f"git_lfs {name}: /lfs/{name} has its objects",
        )


CHECK: Final = Check(describe=describe, targets=targets)
