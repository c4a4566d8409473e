"""Cookies of CloudFront for all objects under a prefix."""

from fastapi import APIRouter

from service.api.rendering import render_cookies
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas import CookiesRequest, or_none
from service.presigning import cookies
from service.sessions.lifetime import Lifetime

router = APIRouter(prefix="/v1", route_class=ApiRoute)


@router.post("/cookies", tags=["cookies"])
async def create_cookies(call: AuthenticatedRequest, body: CookiesRequest) -> bytes:
    request = cookies.CookiesRequest(
        bucket=body.bucket,
        key=body.prefix,
        lifetime=Lifetime(expires_in=or_none(body.expires_in)),
    )
    return render_cookies(await cookies.sign_cookies(call.authorizer, call.requester, request))
