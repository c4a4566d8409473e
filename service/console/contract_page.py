"""`/docs`: openapi.yaml as a page, by Redoc from this service. Nothing is asked of another host."""

from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.api.accept import prefers_html

router = APIRouter(include_in_schema=False)

_PAGE: Final = Path(__file__).parent / "contract.html"
# Redoc makes two style elements: an empty one, which its script fills, and that of its scrollbars.
_STYLES: Final = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    f"style-src 'self' {' '.join(_STYLES)}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def contract_page(request: Request) -> Response:
    """A page for a browser. Programs get a 404, as for any path that is not in openapi.yaml."""
    if not prefers_html(request.scope["headers"]):
        raise HTTPException(404)
    headers = {"Vary": "Accept", "Content-Security-Policy": POLICY}
    return Response(_page(), media_type="text/html", headers=headers)


@cache
def _page() -> bytes:
    return _PAGE.read_bytes()
