"""`POST /v1/store-events`: a store says what happened to its objects."""

from functools import partial
from typing import Final

from fastapi import APIRouter

from service.api.body import refuse_encoded
from service.api.route import AuthenticatedRequest
from service.protocols.arrivals.arrivals import Arrivals
from service.protocols.served import BasicRoute, Served

MAX_BODY_BYTES: Final = 1024**2
PATH: Final = "/v1/store-events"


# Stores send what they are configured with: Ceph a user and a password, MinIO a token.
router = APIRouter(route_class=BasicRoute, include_in_schema=False)


@router.post(PATH, response_model=None, status_code=204)
async def store_events(call: AuthenticatedRequest) -> bytes:
    """The body is S3's, not ours: openapi.yaml is for people who write clients."""
    arrivals = call.parts.use_case(Arrivals)

    async def admit() -> None:
        _ = arrivals.configured
        refuse_encoded(call.scope["headers"])
        await arrivals.admit(call.requester)

    await call.authorizer.audit_refusal_of(call.requester, PATH, admit)
    body = await call.read(MAX_BODY_BYTES)
    push = partial(arrivals.push, call.requester, body)  # as it is after the body
    await call.authorizer.audit_refusal_of(call.requester, PATH, push)
    return b""


SERVED: Final = Served(
    use_case=Arrivals,
    routers=(router,),
    feature="arrivals",
)
