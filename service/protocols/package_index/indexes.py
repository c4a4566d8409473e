"""The indexes, and what the store says about them: all pages of a level, by the caller's grants."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.errors import InvalidRequest, NotFound, StorageUnavailable
from service.presigning.audit import Requester
from service.presigning.listings import ListingRequest, Listings
from service.protocols.package_index.files import ProjectFile, files, projects
from service.s3.queries import LIST_SECONDS
from service.s3.xml import ObjectsPage

MAX_PAGES: Final = 20
_TOO_LONG: Final = (
    f"The index has more than {MAX_PAGES} pages of objects here. Make several indexes of it, or "
    "raise the `max_keys` of the grant."
)


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
        """Return the names of the projects. Raises what `level` raises."""
        found = await self.level(requester, place.bucket, place.prefix)
        return projects(place.prefix, found.prefixes)

    async def files(self, requester: Requester, place: Place, project: str) -> list[ProjectFile]:
        """Return the files of a project. Raises NotFound for none, and what `level` raises."""
        prefix = f"{place.prefix}{project}/"
        level = await self.level(requester, place.bucket, prefix)
        if found := files(prefix, level.objects):
            return found
        raise NotFound("The index has no files of this project.")

    async def level(self, requester: Requester, bucket: str, prefix: str) -> ObjectsPage:
        """Return all pages of one level as one.

        Raises InvalidRequest for too many pages, StorageUnavailable if they take too long, and what
        `Listings.page` raises.
        """
        try:
            async with asyncio.timeout(LIST_SECONDS):
                return await self._all_pages(requester, bucket, prefix)
        except TimeoutError:
            detail = f"The store did not list the index within {LIST_SECONDS:g} s."
            raise StorageUnavailable(detail) from None

    async def _all_pages(self, requester: Requester, bucket: str, prefix: str) -> ObjectsPage:
        after, whole = None, ObjectsPage(objects=[], prefixes=[], next_token=None)
        for _ in range(MAX_PAGES):
            request = ListingRequest(bucket=bucket, prefix=prefix, after=after)
            page = await self.listings.page(requester, request)
            whole.objects.extend(page.objects)
            whole.prefixes.extend(page.prefixes)
            if (after := page.next_token) is None:
                return whole
        raise InvalidRequest(_TOO_LONG)
