"""`/shelf/{name}/{file}`: a redirect to a file of a shelf."""

from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter, Response

from service.access.grants import Operation
from service.api.route import ApiRoute, AuthenticatedRequest
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignRequest
from service.protocols.redirects import Redirect, sign
from service.protocols.roots import Roots
from service.protocols.served import Served, UseCase
from service.sessions.lifetime import Lifetime
from service.signing.actions import GetObject


@dataclass
class Shelves(UseCase[Roots]):
    presigner: Presigner
    closed: list[str] = field(default_factory=list)

    async def close(self) -> None:
        self.closed.append("by the app")


router = APIRouter(route_class=ApiRoute, include_in_schema=False)


@router.get("/shelf/{name}/{file}")
async def take(call: AuthenticatedRequest, name: str, file: str) -> Response:
    shelves = call.parts.use_case(Shelves)
    shelf = shelves.configured.find(name)
    request = PresignRequest(
        operation=Operation.DOWNLOAD,
        bucket=shelf.bucket,
        key=f"{shelf.prefix}{file}",
        action=GetObject(),
        lifetime=Lifetime(),
    )
    signed = await sign(shelves.presigner, call.requester, request)
    return Redirect(signed.url)


SERVED: Final = Served(
    use_case=lambda core, values: Shelves(values, core.presigner),
    routers=(router,),
    feature="shelves",
)
