"""`/pages/{name}`: the console's style and icon for the other pages, whether or not it is on.

The pages of share links have them at `/links`: proxies forward only what people outside need.

They are the same for everybody. `/favicon.ico` is the icon too: browsers ask for it on their own.
"""

import asyncio
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
    files = await asyncio.to_thread(_files)  # the first request reads and compresses them
    if name not in files:
        raise HTTPException(404)
    return files[name].response(request)


@router.api_route("/favicon.ico", methods=_METHODS)
async def favicon(request: Request) -> Response:
    return await shared_file(request, _ICON)


@cache
def _files() -> dict[str, PublicText]:
    console = page_files()
    own = {
        each.name: PublicText(each.read_bytes(), TYPES[each.suffix]) for each in _FOLDER.iterdir()
    }
    return own | {name: console[name] for name in _OF_THE_CONSOLE}
