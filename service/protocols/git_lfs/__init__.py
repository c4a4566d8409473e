"""Git LFS, for the unmodified git-lfs."""

from typing import Final

from service.protocols.git_lfs.batches import Batches
from service.protocols.git_lfs.check import CHECK
from service.protocols.git_lfs.multipart import PartUploads
from service.protocols.git_lfs.routes import FEATURE, GitLfs, completions, router
from service.protocols.git_lfs.settings import GitLfsSettings, buckets, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    section="git_lfs",
    settings=GitLfsSettings,
    values=values,
    use_case=lambda core, values: GitLfs(
        values,
        Batches(core.presigner, core.object_checks, PartUploads(core.multipart, core.clock)),
    ),
    routers=(router, completions),
    feature=FEATURE,
    check=CHECK,
    buckets=buckets,
)
