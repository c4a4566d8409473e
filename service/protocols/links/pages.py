"""The pages of links that people open in a browser, with the console's parts and its policy.

A link to one file shows what it is, with a button. Where uses are counted, only the button takes
one, since mail scanners open every link. A drop box shows a page that uploads files. A refusal is a
page too, without the words for programmers.
"""

import asyncio
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.access.decisions import max_upload_size
from service.access.grants import AccessRequest, Grants, Operation
from service.access.key_prefixes import safe_name
from service.api.html_page import root_of
from service.api.public_text import PublicText
from service.clock import rfc3339
from service.console import content_security_policy, page_files
from service.errors import PresignError
from service.presigning.snapshot import Snapshot
from service.protocols.links.answers import FileMissing
from service.protocols.links.link import Link
from service.protocols.links.linked_objects import SeenObject
from service.protocols.links.tickets import LinkTicket
from service.signing.actions import MAX_UPLOAD_BYTES

router = APIRouter(include_in_schema=False)

_PAGE: Final = Path(__file__).parent / "page"
_FILES: Final = ("drop_box.js", "sent_names.js", "times.js", "link.css")
_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
_OF_THE_CONSOLE: Final = (
    *("base.css", "controls.css", "uploads.css", "icon.svg"),
    *("elements.js", "error_words.js", "words.js"),
    *("client/errors.js", "client/retries.js", "client/source.js", "client/store.js"),
)
Rows = Sequence[tuple[str, str | None]]  # names, which are HTML, and values, which are text
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")  # as displayName of words.js
# Pictures that each browser draws, as in file_kinds.js. SVG is not among them.
_PICTURES: Final = frozenset(
    f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "avif", "bmp")
)
_LARGEST_PICTURE: Final = 20 * 1024**2  # bytes: each visitor fetches it whole
_UNITS: Final = ("KB", "MB", "GB", "TB")
_ASK: Final = "Ask the person who sent it to you for a new one."
# The words for a person, by status. All links that are refused with 404 have the same words.
_REFUSALS: Final = {
    404: (
        "This link does not work",
        f"It may be incomplete, not valid yet, or revoked. {_ASK}",
    ),
    410: ("This link has expired", _ASK),
    429: ("Too many people use this link", "Wait a minute, then try again."),
    503: ("This link cannot be opened now", "Wait a minute, then try again."),
}


@router.api_route("/links/{name:path}", methods=["GET", "HEAD"])
async def page_file(request: Request, name: str) -> Response:
    """A script or style of the pages."""
    files = await asyncio.to_thread(_files)  # the first request reads and compresses them
    if name not in files:
        raise HTTPException(404)
    return files[name].response(request)


def drop_box_page(link: Link, visit: str, snapshot: Snapshot, grants: Grants) -> Response:
    """The page that uploads files. It shows the limits of `grants`, which are the maker's.

    They are a hint for people: each upload is decided again. `visit` is sent along with each.
    """
    origin = snapshot.buckets[link.bucket].address.origin
    wanted = AccessRequest(
        operation=Operation.UPLOAD,
        bucket=link.bucket,
        key=link.key,
        is_prefix=True,
        checks_content_type=False,
    )
    most = max_upload_size(grants, wanted, MAX_UPLOAD_BYTES)
    accepted = [grant.content_types for grant in grants.covering(wanted)]
    types = set() if None in accepted else {kind for kinds in accepted for kind in kinds or ()}
    policy = content_security_policy([origin])
    return _page(
        "drop_box.html",
        policy,
        most=str(most),
        types=", ".join(sorted(types)),
        visit=visit,
        title=f"Files for {link.label}" if link.label else "Send files",
        who=link.label or "the owner of this link",
        message=link.message or "",
        ends=rfc3339(link.expires_at),
        until=until(link),
    )


def file_page(ticket: LinkTicket, seen: SeenObject, snapshot: Snapshot) -> Response:
    """A page with one button, which says what is known of the file. It works without its script.

    A picture is shown by the link itself, which redirects there, unless that would be a use.
    """
    link, origins = ticket.link, snapshot.buckets[ticket.link.bucket].origins
    has_picture = link.max_uses is None and _is_picture(seen) and "[" not in "".join(origins)
    # Browsers apply `form-action` to the redirect, too, which may lead to CloudFront.
    policy = content_security_policy([], forms=origins, images=origins if has_picture else ())
    facts = [
        ("Size", None if seen.size is None else sized(seen.size)),
        ("Type", seen.content_type),
        ("Shared by", link.label),
    ]
    # A name as it is would turn the direction of text, so that `gnp.exe` reads as `exe.png`.
    return _page(
        "file.html",
        policy,
        name=_TURNING.sub("\ufffd", file_name(link)),
        picture=ticket.text if has_picture else "",
        message=link.message or "",
        facts=facts,
        ends=rfc3339(link.expires_at),
        until=until(link),
        times=_times(link),
    )


def _is_picture(seen: SeenObject) -> bool:
    return seen.content_type in _PICTURES and 0 < (seen.size or 0) <= _LARGEST_PICTURE


def refusal_page(error: PresignError, refused: Response, request_id: str, path: bytes) -> Response:
    """Return the page for a refusal, with the status and headers of `refused`, the problem.

    `path` is the request's: the page's style is relative to it.
    """
    title, text = _REFUSALS.get(refused.status_code, (_REFUSALS[404][0], error.detail))
    if isinstance(error, FileMissing):
        title, text = "The file is not there", f"It was removed or renamed. {_ASK}"
    if refused.status_code == 410:
        text = f"{error.detail} {text}"
    page = _page(
        "refusal.html",
        content_security_policy([]),
        title=title,
        text=text,
        request=request_id,
        root=root_of(path),
    )
    page.status_code = refused.status_code
    if "retry-after" in refused.headers:
        page.headers["Retry-After"] = refused.headers["retry-after"]
    return page


def sized(count: int) -> str:
    """Return a size as file managers show it: 1 KB is 1,024 bytes."""
    if count < 1024:
        return "1 byte" if count == 1 else f"{count} bytes"
    power = min(int(math.log2(count)) // 10, len(_UNITS))
    value, unit = count / 1024**power, _UNITS[power - 1]
    text = f"{value:.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")
    return f"{text} {unit}"


def until(link: Link) -> str:
    """Return a link's end in UTC. The page's script shows it in the browser's time zone."""
    end = datetime.fromtimestamp(link.expires_at, UTC)
    return f"{end.day} {end:%B %Y, %H:%M} UTC"


def file_name(link: Link) -> str:
    """Return the name that a downloaded file gets."""
    return link.filename or safe_name(link.key.rpartition("/")[2])


def _times(link: Link) -> str:
    if link.max_uses is None:
        return ""
    times = "once" if link.max_uses == 1 else f"{link.max_uses} times"
    return (
        f"This link can be used {times}. The button uses it once. For ten minutes after that you "
        "can start the download again."
    )


def _page(file: str, policy: str, **texts: str | Rows) -> Response:
    html = _template(file).substitute({name: _html(text) for name, text in texts.items()})
    return Response(html, media_type="text/html", headers={"Content-Security-Policy": policy})


def _html(text: str | Rows) -> str:
    if isinstance(text, str):
        return escape(text)
    shown = ((name, value) for name, value in text if value is not None)
    return "".join(f"<dt>{name}</dt><dd><bdi>{escape(value)}</bdi></dd>" for name, value in shown)


@cache
def _template(file: str) -> Template:
    return Template((_PAGE / file).read_text(encoding="utf-8"))


@cache
def _files() -> dict[str, PublicText]:
    console = page_files()
    own = {
        name: PublicText((_PAGE / name).read_bytes(), _TYPES[name.rpartition(".")[2]])
        for name in _FILES
    }
    return own | {name: console[name] for name in _OF_THE_CONSOLE}
