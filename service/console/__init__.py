"""`/console`: a page that does in a browser what callers do over HTTP, with the key of whoever opens it.

The page is nobody: it has no rights, no session and no cookie, and asks `/v1` as any client does. It
comes from here alone, so its policy lets it run nothing else and speak to us and the stores only.

- Served only while the configuration that stands says `console: true`.
- The policy names each bucket's public origin: a page cannot send to a store that it does not name.
  So whoever reaches the page learns these, and an address of IPv6, which no policy can name, is of no use.
- Links in it are relative: behind a proxy the service need not know what it is called.
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
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_READ: Final = ["GET", "HEAD"]
_NOT_FOUND: Final = 404


@router.api_route("/console", methods=_READ)
async def page(request: Request) -> Response:
    return _answer("index.html", request)


@router.api_route("/console/", methods=_READ)
async def page_with_slash(request: Request) -> Response:
    """The page's own links would lead astray from here."""
    _snapshot_with_console(request)
    return Response(status_code=308, headers={"Location": "../console"})


@router.api_route("/console/{name}", methods=_READ)
async def part_of_page(request: Request, name: str) -> Response:
    return _answer(name, request)


def _answer(name: str, request: Request) -> Response:
    snapshot = _snapshot_with_console(request)
    if name not in _files():
        raise HTTPException(_NOT_FOUND)
    body, media_type = _files()[name]
    return Response(body, media_type=media_type, headers=_headers(snapshot))


def _snapshot_with_console(request: Request) -> Snapshot:
    snapshot: Snapshot = request.app.state.authorizer.snapshot
    if not snapshot.console:
        raise HTTPException(_NOT_FOUND)
    return snapshot


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """All there is, by name: no path is ever made of what a client sends."""
    return {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in _PAGE.iterdir()}


def _headers(snapshot: Snapshot) -> dict[str, str]:
    """Beside those of every reply: no-store, nosniff, no-referrer."""
    return {
        "Content-Security-Policy": policy(
            bucket.address.origin for bucket in snapshot.buckets.values()
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def policy(stores: Iterable[str]) -> str:
    """What the page may do: its own files, us, and these origins of stores."""
    named = sorted({origin for origin in stores if "[" not in origin})
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": " ".join(["'self'", *named]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        # No text becomes HTML or script, whatever a later change of the page does.
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())
