"""`/v1/links`: make a share link, and end one."""

from typing import Final

from fastapi import APIRouter

from service.api.route import ApiRoute, AuthenticatedRequest
from service.protocols.links import pages, visit_routes
from service.protocols.links.schemas import NewLinkRequest, render_link
from service.protocols.links.service import FEATURE
from service.protocols.links.share_links import ShareLinks
from service.protocols.served import Served

_PATH: Final = "/v1/links"

router = APIRouter(prefix=_PATH, tags=["links"], route_class=ApiRoute)


@router.post("", status_code=201)
async def create_link(call: AuthenticatedRequest, body: NewLinkRequest) -> bytes:
    links = call.parts.use_case(ShareLinks).links
    return render_link(await links.create(call.requester, body.link()))


@router.delete("/{link_id}", response_model=None, status_code=204)
async def end_link(call: AuthenticatedRequest, link_id: str) -> bytes:
    links = call.parts.use_case(ShareLinks).links
    await links.end(call.requester, link_id, f"{_PATH}/{{link_id}}")
    return b""


SERVED: Final = Served(
    use_case=ShareLinks,
    public_routers=(visit_routes.router, pages.router),
    api_routers=(router,),
    feature=FEATURE,
)
