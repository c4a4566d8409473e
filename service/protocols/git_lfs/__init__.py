"""Git LFS, for the unmodified git-lfs."""

from typing import Final

from service.protocols.git_lfs.check import CHECK
from service.protocols.git_lfs.settings import GitLfsSettings, buckets, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="git_lfs",
    settings=GitLfsSettings,
    values=values,
    check=CHECK,
    buckets=buckets,
)
