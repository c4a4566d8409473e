"""The settings of Git LFS."""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import ByteSize, Field

from service.config.quoting import Shown
from service.config.types import Name, Section, Url
from service.protocols.git_lfs.repositories import LfsSettings
from service.protocols.git_lfs.tickets import TicketKeys
from service.protocols.protocol import NamedBucket, Shared
from service.protocols.root_settings import RootSettings, named_buckets, roots
from service.signing.actions import MAX_UPLOAD_BYTES
from service.signing.multipart_actions import MIN_PART_BYTES

_LARGEST: Final = ByteSize(MAX_UPLOAD_BYTES)


class LfsRepositorySettings(RootSettings):
    """A repository of [Git LFS](git-lfs.md), by the name in its address."""


class GitLfsSettings(Section):
    """[Git LFS](git-lfs.md) at `/lfs/{repository}`."""

    repositories: Annotated[dict[Name, LfsRepositorySettings], Field(min_length=1)]
    """The repositories, each by its name in the address."""

    url: Shown[Url | None] = None
    """The address before `/lfs/`, as clients reach the service. It is in the addresses that
    complete multipart uploads. The default is made of a request's `Host` and
    `X-Forwarded-Proto`."""

    multipart_threshold: Shown[
        Annotated[ByteSize, Field(ge=MIN_PART_BYTES, le=MAX_UPLOAD_BYTES)]
    ] = _LARGEST
    """An object over this size is uploaded in parts, if the client can do that and there are
    `links.keys`. The default is 5 GiB, the most that one PUT can have."""


def values(lfs: GitLfsSettings, shared: Shared) -> LfsSettings:
    return LfsSettings(
        repositories=roots("/lfs", lfs.repositories),
        url=None if lfs.url is None else lfs.url.rstrip("/"),
        multipart_threshold=lfs.multipart_threshold,
        keys=TicketKeys(shared.keys) if shared.keys else None,
    )


def buckets(lfs: GitLfsSettings) -> Iterable[NamedBucket]:
    return named_buckets(("git_lfs", "repositories"), lfs.repositories)
