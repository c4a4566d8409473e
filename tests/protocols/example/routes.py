"""`/shelf/{name}/{file}`: a redirect to a file of a shelf, or with `/loan` a loan of it."""

from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import Counter
from pydantic_core import to_json

from service.access.grants import Operation
from service.api.parts import Core, UseCase
from service.api.route import ApiRoute, AuthenticatedRequest
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignRequest, Requester
from service.protocols.redirects import Redirect, sign
from service.protocols.roots import Roots
from service.protocols.served import Served
from service.sessions.lifetime import Lifetime
from service.signing.actions import GetObject
from tests.protocols.example.answers import Loan, LoanRequest, NotLent


@dataclass
class Shelves(UseCase[Roots]):
    authorizer: Authorizer
    presigner: Presigner
    loans: Counter
    closed: list[str] = field(default_factory=list)

    async def lend(self, requester: Requester, request: LoanRequest) -> Loan:
        async def loan() -> Loan:
            if request.key.endswith(".ref"):
                raise NotLent
            return Loan(14, self.loans)

        return await self.authorizer.audited(requester, request, request.key, loan)

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


@router.get("/shelf/{name}/{file}/loan")
async def lend(call: AuthenticatedRequest, name: str, file: str) -> bytes:
    shelves = call.parts.use_case(Shelves)
    shelf = shelves.configured.find(name)
    request = LoanRequest(shelf.bucket, f"{shelf.prefix}{file}", name, Lifetime())
    return to_json({"days": (await shelves.lend(call.requester, request)).days})


def use_case(core: Core, values: Roots | None) -> Shelves:
    registry = core.metrics.registry
    loans = Counter("presign_loans", "Files that were lent.", ["shelf"], registry=registry)
    return Shelves(values, core.authorizer, core.presigner, loans)


SERVED: Final = Served(
    use_case=use_case,
    routers=(router,),
    feature="shelves",
)
