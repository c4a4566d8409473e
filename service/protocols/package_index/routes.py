"""`/simple/{index}/`: Python package indexes, made of listings. Their files are object URLs."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import APIRouter, Request, Response

from service.api.accept import preferred
from service.api.html_page import POLICY
from service.api.parts import UseCase
from service.api.problems import Problems, response
from service.api.request_state import state_of
from service.api.route import AuthenticatedRequest
from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidRequest, NotFound
from service.presigning.listings import Listings
from service.presigning.requests import Requester
from service.protocols.package_index.files import (
    ProjectFile,
    listed_files,
    normalized,
    project_file,
    projects,
)
from service.protocols.package_index.hashes import FileHashes
from service.protocols.package_index.pages import HTML, JSON, index_page, project_page
from service.protocols.roots import ROOT_NAME, ProtocolRoot, Roots
from service.protocols.served import BasicRoute, Served

_MANY: Final = 1000  # names on a page; 20,000 take 150 ms
_TEXT: Final = "text/html"
_PUBLISHING: Final = (
    "This index takes no uploads of its own. Put the file into the directory of its project with "
    "`presign put FILE BUCKET/PREFIX/PROJECT/`, or with any HTTP client."
)
_PROJECT: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"  # PEP 508
_PATH: Final = re.compile(rf"/simple/({ROOT_NAME})(?:/({_PROJECT}))?(/?)")


@dataclass
class PackageIndexes(UseCase[Roots]):
    """All pages of a level of the store, by the caller's grants."""

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
            project_file(prefix, file, has_metadata=has_metadata, sha256=sha256.get(file.key))
            for file, has_metadata in found.items()
        ]


router = APIRouter(route_class=BasicRoute, include_in_schema=False)
publishing = APIRouter(include_in_schema=False)


@router.api_route("/simple/{path:path}", methods=["GET", "HEAD"])
async def package_index(call: AuthenticatedRequest) -> Response:
    """List the projects of an index, or the files of a project."""
    indexes = call.parts.use_case(PackageIndexes)
    path = _PATH.fullmatch(call.scope["raw_path"].decode("latin-1"))
    roots = indexes.configured
    if path is None:
        raise NotFound("No such resource.")
    if call.scope["query_string"]:
        raise InvalidRequest("An index has no query parameters.")
    name, project, slash = path.groups()
    if not slash or (project and project != normalized(project)):
        return _moved(normalized(project) if project else name, sibling=not slash)
    media_type = preferred(call.scope["headers"], [_TEXT, HTML, JSON])
    index = roots.find(name)
    if project:
        files = await indexes.files(call.requester, index, project)
        page = partial(project_page, project, index.bucket, files, media_type)
        body = await run_in_thread_if(len(files) > _MANY, page)
    else:
        projects = await indexes.projects(call.requester, index)
        page = partial(index_page, name, projects, media_type)
        body = await run_in_thread_if(len(projects) > _MANY, page)
    headers = {"Vary": "Accept, Authorization, Origin", "Content-Security-Policy": POLICY}
    return Response(body, media_type=media_type, headers=headers)


@publishing.post("/simple/{path:path}")
async def refuse_publishing(request: Request, path: str) -> Response:
    """Answer `uv publish`, which shows the detail."""
    del path
    problems: Problems = request.app.parts.problems
    request_id = state_of(request.scope).request_id
    members = problems.problem("method_not_allowed", _PUBLISHING, request_id=request_id)
    return response(members, {"Allow": "GET, HEAD"})


def _moved(name: str, *, sibling: bool) -> Response:
    """The redirect to the page of this name, relative to a path without or with a slash."""
    return Response(status_code=308, headers={"Location": f"{'./' if sibling else '../'}{name}/"})


SERVED: Final = Served(
    use_case=lambda core, values: PackageIndexes(
        values, core.listings, FileHashes(core.authorizer, core.object_checks)
    ),
    routers=(router,),
    public_routers=(publishing,),
    feature="package indexes",
)
