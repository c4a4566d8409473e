"""Renders a listing as a page that people and HTTP clients read. Pure.

The links are relative, so that a proxy may serve the page under another path.
"""

from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import quote

from service.api.html_page import html_page
from service.s3.listing_xml import ObjectsPage

_DOTS: Final = frozenset({".", ".."})


def as_html(bucket: str, prefix: str, page: ObjectsPage, root: str) -> bytes:
    """`root` leads from the page to `/`."""
    table = ["<table>", "<tr><th>Name<th>Size<th>Last modified", *_rows(prefix, page), "</table>"]
    if page.next_token is not None:
        table.append(f'<p><a rel="next" href="{escape(next_page(page.next_token))}">Next page</a>')
    return html_page(_title(f"{bucket}/{prefix}", page), table, root=root)


def _title(path: str, page: ObjectsPage) -> str:
    """With the title that web servers write, GDAL's /vsicurl/ reads the page as a folder.

    GDAL finds a decoded path only if no slash follows. It takes what such a page lacks for missing,
    so one of several pages has another title: ParseHTMLFileList in
    github.com/OSGeo/gdal/blob/v3.10.3/port/cpl_vsil_curl.cpp.
    """
    return f"Index of /o/{path}".removesuffix("/") if page.next_token is None else path


def next_page(token: str) -> str:
    """The relative reference of the next page."""
    return f"?after={quote(token, safe='')}"


def _rows(prefix: str, page: ObjectsPage) -> Iterable[str]:
    for folder in page.prefixes:
        yield f"<tr><td>{_link(prefix, folder)}<td><td>"
    for listed in page.objects:
        if listed.key != prefix:  # some programs put an empty object there, as a folder
            modified = escape(listed.last_modified)
            yield f"<tr><td>{_link(prefix, listed.key)}<td>{listed.content_length}<td>{modified}"


def _link(prefix: str, key: str) -> str:
    """A name has a slash at its end only: `a//b` is `b` under `a//`, which is `/` under `a/`."""
    name = key[len(prefix) :]
    bare = name.removesuffix("/")
    if bare in _DOTS:  # every client would remove it from the path
        return escape(name)
    begin = "" if bare else "./"
    return f'<a href="{begin}{quote(bare, safe="")}{name[len(bare) :]}">{escape(name)}</a>'
