"""The pages of links that people open in a browser, with the console's parts and its policy.

A link that counts its uses shows a page first, since mail scanners open every link. A drop box
shows a page that uploads files.
"""

from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from service.console import content_security_policy, page_files
from service.presigning.snapshot import Snapshot
from service.protocols.links.ticket import Link

router = APIRouter(include_in_schema=False)

_PAGE: Final = Path(__file__).parent / "page"
_FILES: Final = ("drop_box.js",)
_OF_THE_CONSOLE: Final = ("console.css", "elements.js", "icon.svg", "store.js", "words.js")


@router.api_route("/links/{name}", methods=["GET", "HEAD"])
async def page_file(name: str) -> Response:
    """A script or style of the pages."""
    if name not in _files():
        raise HTTPException(404)
    body, media_type = _files()[name]
    return Response(body, media_type=media_type)


def drop_box_page(link: Link, snapshot: Snapshot) -> Response:
    origin = snapshot.buckets[link.bucket].address.origin
    return _page("drop_box.html", content_security_policy([origin]))


def redeem_page(link: Link, snapshot: Snapshot) -> Response:
    """A page with one button. It has no script."""
    name = link.filename or link.key.rpartition("/")[2]
    origin = snapshot.buckets[link.bucket].address.origin
    policy = content_security_policy([], form_origins=[origin])
    return _page("redeem.html", policy, {"NAME": name})


def _page(file: str, policy: str, texts: dict[str, str] | None = None) -> Response:
    html = (_PAGE / file).read_text(encoding="utf-8")
    for placeholder, text in (texts or {}).items():
        html = html.replace(placeholder, escape(text))
    return Response(html, media_type="text/html", headers={"Content-Security-Policy": policy})


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    console = page_files()
    own = {name: ((_PAGE / name).read_bytes(), "text/javascript") for name in _FILES}
    return own | {name: console[name] for name in _OF_THE_CONSOLE}
