"""The indexes, and what the store says about them: all pages of a level, by the caller's grants."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import NotFound
from service.presigning.audit import Requester
from service.presigning.listings import Listings
from service.protocols.package_index.files import ProjectFile, files, projects


@dataclass(frozen=True, slots=True)
class Place:
    """Where an index is. `prefix` is empty or ends in `/`."""

    bucket: str
    prefix: str


@dataclass(slots=True)
class PackageIndexes:
    """`places` of the indexes by name. They change with the configuration."""

    places: Mapping[str, Place]
    listings: Listings

    def place(self, name: str) -> Place:
        """Return an index's place. No grant covers that of an unknown one.

        So an unknown index is refused and recorded like one that is not granted.
        """
        return self.places.get(name) or Place(f"/simple/{name}", "")  # no bucket has a slash

    async def projects(self, requester: Requester, place: Place) -> list[str]:
        """Return the names of the projects. Raises what `Listings.level` raises."""
        found = await self.listings.level(requester, place.bucket, place.prefix)
        return projects(place.prefix, found.prefixes)

    async def files(self, requester: Requester, place: Place, project: str) -> list[ProjectFile]:
        """Return the files of a project.

        Raises NotFound for none, and what `Listings.level` raises.
        """
        prefix = f"{place.prefix}{project}/"
        level = await self.listings.level(requester, place.bucket, prefix)
        if found := files(prefix, level.objects):
            return found
        raise NotFound("The index has no files of this project.")
