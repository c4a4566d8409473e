"""The settings of Git LFS."""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import ByteSize, Field

from service.config.messages import Missing
from service.config.quoting import Shown
from service.config.types import Name, Section
from service.protocols.git_lfs.repositories import GitLfsValues
from service.protocols.git_lfs.tickets import UploadTicket
from service.protocols.protocol import NamedBucket, Shared
from service.protocols.root_settings import RootSettings, named_buckets, roots
from service.protocols.tickets import TicketKeys
from service.signing.actions import MAX_UPLOAD_BYTES
from service.signing.multipart_actions import MIN_PART_BYTES

_LARGEST: Final = ByteSize(MAX_UPLOAD_BYTES)


class LfsRepositorySettings(RootSettings):
    """A repository of [Git LFS](git-lfs.md), by the name in its address."""


class GitLfsSettings(Section):
    """[Git LFS](git-lfs.md) at `/lfs/{repository}`."""

    repositories: Annotated[
        dict[Name, LfsRepositorySettings],
        Field(min_length=1),
        Missing("write at least one repository, as in presign.example.yaml"),
    ]
    """Each by its name in the address."""

    multipart_threshold: Shown[
        Annotated[ByteSize, Field(ge=MIN_PART_BYTES, le=MAX_UPLOAD_BYTES)]
    ] = _LARGEST
    """Larger objects are uploaded in parts, if the client can do that and there are `links.keys`.
    The default is 5 GiB, the most of one PUT."""


def values(lfs: GitLfsSettings, shared: Shared) -> GitLfsValues:
    return GitLfsValues(
        repositories=roots("/lfs", lfs.repositories),
        url=shared.public_url,
        multipart_threshold=lfs.multipart_threshold,
        keys=TicketKeys(shared.keys, UploadTicket) if shared.keys else None,
    )


def buckets(lfs: GitLfsSettings) -> Iterable[NamedBucket]:
    return named_buckets(("git_lfs", "repositories"), lfs.repositories)
