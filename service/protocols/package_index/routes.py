"""`/simple/{index}/`: Python package indexes, made of listings. Their files are object URLs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from service.api.accept import preferred
from service.api.html_page import POLICY
from service.api.route import ApiRoute, AuthenticatedRequest
from service.errors import InvalidRequest, NotFound
from service.presigning.audit import Requester
from service.protocols.objects.listings import Listings
from service.protocols.package_index.files import files, normalized, projects
from service.protocols.package_index.pages import HTML, JSON, index_page, project_page
from service.s3.xml import ObjectsPage

PATH: Final = "/simple/"
MAX_PAGES: Final = 20
_TEXT: Final = "text/html"
_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_RESOURCE: Final = re.compile(rf"{PATH}([A-Za-z0-9._-]+)(?:/({_NAME}))?(/?)")


class PackageIndexRoute(ApiRoute):
    accepts_basic = True


router = APIRouter(route_class=PackageIndexRoute, include_in_schema=False)


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

        So an unknown index is refused and recorded like one that is not granted. A bucket's name
        has no slash.
        """
        return self.places.get(name) or Place(f"{PATH}{name}", "")

    async def level(self, requester: Requester, bucket: str, prefix: str) -> ObjectsPage:
        """Return all pages of one level as one.

        Raises InvalidRequest for too many pages, and what `Listings.page` raises.
        """
        after, whole = None, ObjectsPage(objects=[], prefixes=[], next_token=None)
        for _ in range(MAX_PAGES):
            page = await self.listings.page(requester, bucket, prefix, after)
            whole.objects.extend(page.objects)
            whole.prefixes.extend(page.prefixes)
            if (after := page.next_token) is None:
                return whole
        raise InvalidRequest(
            f"The index has more than {MAX_PAGES} pages of objects here. Split it into several, "
            "or raise the grant's `max_keys`."
        )


@router.api_route(f"{PATH}{{path:path}}", methods=["GET", "HEAD"])
async def package_index(call: AuthenticatedRequest) -> Response:
    """List the projects of an index, or the files of a project."""
    indexes: PackageIndexes = call.app.state.package_indexes
    found = _RESOURCE.fullmatch(call.scope["raw_path"].decode("latin-1"))
    if found is None or not indexes.places:
        raise NotFound("No such resource.")
    if call.scope["query_string"]:
        raise InvalidRequest("An index has no query parameters.")
    name, project, slash = found.groups()
    if not slash or (project and project != normalized(project)):
        return _moved(normalized(project) if project else name, sibling=not slash)
    media_type = preferred(call.scope["headers"], [_TEXT, HTML, JSON])
    place = indexes.place(name)
    if project:
        body = await _project(call, indexes, place, project, media_type)
    else:
        level = await indexes.level(call.requester, place.bucket, place.prefix)
        body = index_page(name, projects(place.prefix, level.prefixes), media_type)
    headers = {"Vary": "Accept, Authorization, Origin", "Content-Security-Policy": POLICY}
    return Response(body, media_type=media_type, headers=headers)


def _moved(name: str, *, sibling: bool) -> Response:
    """The redirect to the page of this name, relative to a path without or with a slash."""
    return Response(status_code=308, headers={"Location": f"{'./' if sibling else '../'}{name}/"})


async def _project(
    call: AuthenticatedRequest,
    indexes: PackageIndexes,
    place: Place,
    project: str,
    media_type: str,
) -> bytes:
    prefix = f"{place.prefix}{project}/"
    level = await indexes.level(call.requester, place.bucket, prefix)
    if not (found := files(prefix, level.objects)):
        raise NotFound("The index has no files of this project.")
    return project_page(project, place.bucket, found, media_type)
