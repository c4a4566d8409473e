"""`/console`: a page that lets people do in a browser what callers do over HTTP, with their own
key.

The page itself has no privileges, no session and no cookie: it calls `/v1` like any client. Its
`Content-Security-Policy` allows only its own files, this service and the stores.

- It is served only while the current configuration says `console: true`.
- The policy names each bucket's public origin, because a page cannot send to an origin that its
  policy does not name. So everyone who can open the page learns these origins. A policy cannot name
  an IPv6 address, so such a store cannot be used from the page.
- Links in the page are relative: behind a proxy the service need not know its own address.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.presigning.snapshot import Snapshot

router = APIRouter(include_in_schema=False)

_PAGE: Final = Path(__file__).parent / "page"
_CHECKOUT: Final = Path(__file__).parents[2]
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_METHODS: Final = ["GET", "HEAD"]


@router.api_route("/console/", methods=_METHODS)
async def redirect_to_page(request: Request) -> Response:
    """The page's relative links would be wrong below `/console/`."""
    _require_console(request)
    return Response(status_code=308, headers={"Location": "../console"})


@router.api_route("/console", methods=_METHODS)
async def page(request: Request) -> Response:
    return await serve_file(request, "index.html")


@router.api_route("/console/{name:path}", methods=_METHODS)
async def serve_file(request: Request, name: str) -> Response:
    snapshot = _require_console(request)
    if name not in page_files():
        raise HTTPException(404)
    body, media_type = page_files()[name]
    headers = {
        "Content-Security-Policy": content_security_policy(
            (bucket.address.origin for bucket in snapshot.buckets.values()), previews=True
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(body, media_type=media_type, headers=headers)


def _require_console(request: Request) -> Snapshot:
    snapshot: Snapshot = request.app.state.authorizer.snapshot
    if not snapshot.console:
        raise HTTPException(404)
    return snapshot


@cache
def page_files() -> dict[str, tuple[bytes, str]]:
    """Body and media type by name, so that no path is made from what a client sends.

    `client/` is the client for JavaScript. Its files are in the package if that is installed, and
    in `client/js/src` in a checkout.
    """
    installed = _PAGE / "client"
    client = installed if installed.exists() else _CHECKOUT / "client" / "js" / "src"
    files = {path.name: path for path in _PAGE.iterdir() if path.is_file()}
    files |= {f"client/{path.name}": path for path in client.iterdir()}
    return {name: (path.read_bytes(), _TYPES[path.suffix]) for name, path in files.items()}


def content_security_policy(
    store_origins: Iterable[str], *, form_origins: Iterable[str] = (), previews: bool = False
) -> str:
    """Allows the page's own files, this service, and the stores that a policy can name.

    `form_origins` are where a form's answer may redirect to. Without them no form may be sent.
    With `previews` the page may show images, media and documents of the stores.
    """
    origins = sorted({origin for origin in store_origins if "[" not in origin})
    shown = origins if previews else []
    targets = sorted({origin for origin in form_origins if "[" not in origin})
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(["img-src 'self'", *shown]),
            *(" ".join([directive, *shown]) for directive in ("media-src", "frame-src") if shown),
            " ".join(["connect-src 'self'", *origins]),
            "base-uri 'none'",
            " ".join(["form-action 'self'", *targets]) if targets else "form-action 'none'",
            "frame-ancestors 'none'",
            # Text cannot become HTML or script, whatever the page's code does.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
