"""`/pages/{name}`: the console's style and icon for the other pages, whether or not it is on.

The pages of share links have them at `/links`: proxies forward only what people outside need.

They are the same for everybody. `/favicon.ico` is the icon too: browsers ask for it on their own.
"""

import asyncio
import gzip
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.api.public_text import PublicText
from service.console import TYPES, page_files

router = APIRouter(include_in_schema=False)

_METHODS: Final = ["GET", "HEAD"]
_ICON: Final = "icon.svg"
_OF_THE_CONSOLE: Final = ("base.css", _ICON)
_FOLDER: Final = Path(__file__).parent / "shared"


@router.api_route("/pages/{name}", methods=_METHODS)
async def shared_file(request: Request, name: str) -> Response:
    if name in _OF_THE_CONSOLE:
        files = await asyncio.to_thread(page_files)  # the first request reads and compresses them
        return files[name].response(request)
    if name not in _paths():
        raise HTTPException(404)
    return (await asyncio.to_thread(_text, name)).response(request)


@router.api_route("/favicon.ico", methods=_METHODS)
async def favicon(request: Request) -> Response:
    return await shared_file(request, _ICON)


@cache
def _paths() -> dict[str, Path]:
    """Return the files by name, so that no path is made from what a client sends."""
    return {path.name.removesuffix(".gz"): path for path in _FOLDER.iterdir()}


@cache
def _text(name: str) -> PublicText:
    path = _paths()[name]
    content = path.read_bytes()
    if path.suffix == ".gz":  # so that the image is smaller
        path, content = path.with_suffix(""), gzip.decompress(content)
    return PublicText(content, TYPES[path.suffix])
