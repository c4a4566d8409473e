"""`/errors`: what the codes of problems mean. It is docs/errors.md, and needs no credential."""

import asyncio
from functools import cache
from itertools import pairwise
from typing import Final

from fastapi import APIRouter, Request, Response

from service.api.html_page import POLICY, html_page
from service.api.packaged import read_packaged
from service.api.problems import ERRORS_PATH
from service.api.public_text import PublicText

router = APIRouter(include_in_schema=False)

_TITLE: Final = 3  # tokens of the page's title, which `html_page` writes


@router.api_route(ERRORS_PATH, methods=["GET", "HEAD"])
async def errors_page(request: Request) -> Response:
    # The first request renders it, which takes some milliseconds.
    page = await asyncio.to_thread(_page)
    return page.response(request, {"Content-Security-Policy": POLICY})


@cache
def _page() -> PublicText:
    """Each heading gets its text as its id, so that the `type` of a problem leads to it."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 0.3 s and 2 MiB that no start needs

    markdown = MarkdownIt().enable("table")
    tokens = markdown.parse(read_packaged("docs/errors.md"))
    for token, content in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", content.content)
    body = markdown.renderer.render(tokens[_TITLE:], markdown.options, {})
    return PublicText(html_page(tokens[1].content, [body]), "text/html")
