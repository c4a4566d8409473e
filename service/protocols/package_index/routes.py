"""`/simple/{index}/`: Python package indexes, made of listings. Their files are object URLs."""

import re
from functools import partial
from typing import Final

from fastapi import APIRouter, Response

from service.api.accept import preferred
from service.api.html_page import POLICY
from service.api.route import ApiRoute, AuthenticatedRequest
from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidRequest, NotFound
from service.protocols.package_index.files import normalized
from service.protocols.package_index.hashes import FileHashes
from service.protocols.package_index.indexes import PackageIndexes
from service.protocols.package_index.pages import HTML, JSON, index_page, project_page
from service.protocols.roots import ROOT_NAME
from service.protocols.served import Served

_MANY: Final = 1000  # names on a page; 20,000 take 150 ms
_TEXT: Final = "text/html"
_PROJECT: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"  # PEP 508
_PATH: Final = re.compile(rf"/simple/({ROOT_NAME})(?:/({_PROJECT}))?(/?)")


class PackageIndexRoute(ApiRoute):
    accepts_basic = True


router = APIRouter(route_class=PackageIndexRoute, include_in_schema=False)


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


def _moved(name: str, *, sibling: bool) -> Response:
    """The redirect to the page of this name, relative to a path without or with a slash."""
    return Response(status_code=308, headers={"Location": f"{'./' if sibling else '../'}{name}/"})


SERVED: Final = Served(
    use_case=lambda core, values: PackageIndexes(
        values, core.listings, FileHashes(core.authorizer, core.object_checks)
    ),
    routers=(router,),
    feature="package indexes",
)
