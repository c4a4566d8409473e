"""`/` for people who open the service in a browser: what it is, and where to go from there.

It is the same for everybody, and says nothing about buckets or callers.
"""

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.api.accept import prefers_html
from service.api.html_page import POLICY, html_page

router = APIRouter(include_in_schema=False)

_HTML: Final = "text/html"
_ABOUT: Final = (
    "This service hands out pre-signed S3 requests, so that programs and people move objects to "
    "and from S3 without long-lived AWS credentials. Each call needs an API key or a token."
)
_FOR_EVERYBODY: Final = (  # the links are relative, because of proxies
    '<a href="docs">Docs</a>: the calls that programs make',
    '<a href="openapi.json">openapi.json</a>: the same for tools that read OpenAPI',
    '<a href="errors">Errors</a>: each code, and what to do about it',
)


@router.api_route("/", methods=["GET", "HEAD"])
async def front_page(request: Request) -> Response:
    """A page for a browser. Programs get a 404, as for any path that is not in openapi.yaml."""
    if not prefers_html(request.scope["headers"]):
        raise HTTPException(404)
    ways = [*request.app.parts.front_page(), *_FOR_EVERYBODY]
    body = [f"<p>{_ABOUT}", "<ul>", *(f"<li>{way}" for way in ways), "</ul>"]
    headers = {"Vary": "Accept", "Content-Security-Policy": POLICY}
    return Response(html_page("presign", body), media_type=_HTML, headers=headers)
