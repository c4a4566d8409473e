"""Renders a listing as a page that people and HTTP clients read. Pure.

The links are relative, so that a proxy may serve the page under another path.
"""

from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import quote

from service.api.html_page import html_page
from service.s3.listing_xml import ListedObject, ObjectsPage

_DOTS: Final = frozenset({".", ".."})


def as_html(bucket: str, prefix: str, page: ObjectsPage) -> bytes:
    table = ["<table>", "<tr><th>Name<th>Size<th>Last modified", *_rows(prefix, page), "</table>"]
    following = [] if page.next_token is None else [_next_link(page.next_token)]
    return html_page(f"{bucket}/{prefix}", [*table, *following])


def next_page(token: str) -> str:
    """The relative reference of the next page."""
    return f"?after={quote(token, safe='')}"


def _rows(prefix: str, page: ObjectsPage) -> Iterable[str]:
    for each in page.prefixes:
        yield f"<tr><td>{_link(prefix, each)}<td><td>"
    for listed in page.objects:
        if listed.key != prefix:  # some programs put an empty object there, as a folder
            yield _row(prefix, listed)


def _row(prefix: str, listed: ListedObject) -> str:
    modified = escape(listed.last_modified)
    return f"<tr><td>{_link(prefix, listed.key)}<td>{listed.content_length}<td>{modified}"


def _link(prefix: str, key: str) -> str:
    """A name has a slash at its end only: `a//b` is `b` under `a//`, which is `/` under `a/`."""
    name = key[len(prefix) :]
    bare = name.removesuffix("/")
    if bare in _DOTS:  # every client would remove it from the path
        return escape(name)
    begin = "" if bare else "./"
    return f'<a href="{begin}{quote(bare, safe="")}{name[len(bare) :]}">{escape(name)}</a>'


def _next_link(token: str) -> str:
    return f'<p><a rel="next" href="{escape(next_page(token))}">Next page</a>'
