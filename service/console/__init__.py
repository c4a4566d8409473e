"""`/console`: a page that lets people do in a browser what callers do over HTTP, with their own
key, or signed in at an issuer.

The page itself has no privileges, no session and no cookie: it calls `/v1` like any client. Its
`Content-Security-Policy` allows only its own files, this service, the stores and the issuer.

- It is served only while the current configuration says so.
- The policy names each bucket's public origin, because a page cannot send to an origin that its
  policy does not name. So everyone who can open the page learns these origins. A policy cannot name
  an IPv6 address, so such a store cannot be used from the page.
- Links in the page are relative: behind a proxy the service need not know its own address.
- The page signs people in at the issuer. To the service their ID token is a token like any other.
"""

import asyncio
from collections.abc import Iterable
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.api.public_text import PublicText
from service.console.page_settings import Console, PageSettings

router = APIRouter(include_in_schema=False)

_PAGE: Final = Path(__file__).parent / "page"
_CHECKOUT: Final = Path(__file__).parents[2]
TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_METHODS: Final = ["GET", "HEAD"]
_INDEX: Final = "index.html"  # a template


@router.api_route("/console/", methods=_METHODS)
async def redirect_to_page(request: Request) -> Response:
    """The page's relative links would be wrong below `/console/`."""
    _settings(request)
    return Response(status_code=308, headers={"Location": "../console"})


@router.api_route("/console", methods=_METHODS)
async def page(request: Request) -> Response:
    return _answer(request, await asyncio.to_thread(_render, _settings(request)))


@router.api_route("/console/colour.css", methods=_METHODS)
async def colour(request: Request) -> Response:
    return _answer(request, _style(_settings(request)))


@router.api_route("/console/{name:path}", methods=_METHODS)
async def serve_file(request: Request, name: str) -> Response:
    _settings(request)
    files = await asyncio.to_thread(page_files)  # the first request reads and compresses them
    if name not in files or name == _INDEX:
        raise HTTPException(404)
    return _answer(request, files[name])


def _settings(request: Request) -> PageSettings:
    console: Console = request.app.parts.use_case(Console)
    if console.values is None:
        raise HTTPException(404)
    return console.values


def _answer(request: Request, text: PublicText) -> Response:
    sign_in = _settings(request).sign_in
    buckets = request.app.parts.core.authorizer.snapshot.buckets.values()
    issuers = () if sign_in is None else sign_in.origins
    stores = [origin for bucket in buckets for origin in bucket.origins]
    headers = {
        "Content-Security-Policy": content_security_policy(stores, issuers=issuers, previews=True),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return text.response(request, headers)


@lru_cache(maxsize=1)  # one is configured
def _render(settings: PageSettings) -> PublicText:
    sign_in = settings.sign_in
    texts = {"name": settings.name, "issuer": "", "issuer_name": "", "client_id": ""}
    if sign_in is not None:
        texts |= {
            "issuer": sign_in.issuer,
            "issuer_name": sign_in.name,
            "client_id": sign_in.client_id,
        }
    template = Template(page_files()[_INDEX].body.decode())
    page = template.substitute({name: escape(text) for name, text in texts.items()})
    return PublicText(page.encode(), TYPES[".html"])


@lru_cache(maxsize=1)
def _style(settings: PageSettings) -> PublicText:
    return PublicText(f":root {{ --brand: {settings.colour}; }}\n".encode(), TYPES[".css"])


@cache
def page_files() -> dict[str, PublicText]:
    """The files by name, so that no path is made from what a client sends.

    `client/` is the client for JavaScript. Its files are in the package if that is installed, and
    in `client/js/src` in a checkout.
    """
    installed = _PAGE / "client"
    client = installed if installed.exists() else _CHECKOUT / "client" / "js" / "src"
    files = {path.name: path for path in _PAGE.iterdir() if path.is_file()}
    files |= {f"client/{path.name}": path for path in client.iterdir()}
    return {name: PublicText(path.read_bytes(), TYPES[path.suffix]) for name, path in files.items()}


def content_security_policy(
    stores: Iterable[str],
    *,
    forms: Iterable[str] = (),
    issuers: Iterable[str] = (),
    images: Iterable[str] = (),
    previews: bool = False,
) -> str:
    """Allows the page's own files, this service, and the origins that a policy can name.

    The page may connect to `issuers` too. `forms` are the origins that a form's answer may redirect
    to; without them no form may be sent. The page may show images of the origins `images`. With
    `previews` it may show images, media and documents of the stores.
    """
    stores, targets = _nameable(stores), _nameable(forms)
    shown = stores if previews else []
    directives: list[tuple[str, ...]] = [
        ("default-src", "'none'"),
        ("script-src", "'self'"),
        ("style-src", "'self'"),
        ("img-src", "'self'", *shown, *_nameable(images)),
        *((name, *shown) for name in ("media-src", "frame-src") if shown),
        ("connect-src", "'self'", *stores, *_nameable(issuers)),
        ("base-uri", "'none'"),
        ("form-action", "'self'", *targets) if targets else ("form-action", "'none'"),
        ("frame-ancestors", "'none'"),
        # Text cannot become HTML or script, whatever the page's code does.
        ("require-trusted-types-for", "'script'"),
        ("trusted-types", "'none'"),
    ]
    return "; ".join(map(" ".join, directives))


def _nameable(origins: Iterable[str]) -> list[str]:
    """Return each origin once, without IPv6 addresses."""
    return sorted({origin for origin in origins if "[" not in origin})
