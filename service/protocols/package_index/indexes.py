"""The indexes, and what the store says about them: all pages of a level, by the caller's grants."""

from dataclasses import dataclass

from service.api.parts import UseCase
from service.errors import NotFound
from service.presigning.listings import Listings
from service.presigning.requests import Requester
from service.protocols.package_index.files import (
    ProjectFile,
    listed_files,
    project_file,
    projects,
)
from service.protocols.package_index.hashes import FileHashes
from service.protocols.roots import ProtocolRoot, Roots


@dataclass
class PackageIndexes(UseCase[Roots]):
    listings: Listings
    hashes: FileHashes

    async def projects(self, requester: Requester, index: ProtocolRoot) -> list[str]:
        """Return the names of the projects. Raises what `Listings.level` raises."""
        found = await self.listings.level(requester, index.bucket, index.prefix)
        return projects(index.prefix, found.prefixes)

    async def files(
        self, requester: Requester, index: ProtocolRoot, project: str
    ) -> list[ProjectFile]:
        """Return the files of a project.

        Raises NotFound for none, and what `Listings.level` and `FileHashes.sha256` raise.
        """
        prefix = f"{index.prefix}{project}/"
        level = await self.listings.level(requester, index.bucket, prefix)
        if not (found := listed_files(prefix, level.objects)):
            raise NotFound("The index has no files of this project.")
        sha256 = await self.hashes.sha256(requester, index.bucket, prefix, list(found))
        return [
            project_file(prefix, each, has_metadata=has_metadata, sha256=sha256.get(each.key))
            for each, has_metadata in found.items()
        ]
