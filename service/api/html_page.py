"""The frame of the small pages that the service writes: the console's style, no script. Pure."""

from collections.abc import Iterable
from html import escape
from typing import Final

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEAD: Final = (
    '<meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
)
_STYLES: Final = ("base.css", "document.css")


def root_of(path: bytes) -> str:
    """Return the relative reference from the page at `path` to `/`: a proxy may have a prefix."""
    return "../" * (path.count(b"/") - 1)


def html_page(title: str, body: Iterable[str], *, root: str = "", head: str = "") -> bytes:
    """Return a page in UTF-8. `body` and `head` are HTML already; `title` is text.

    `root` leads from the page to `/`, as `root_of` says it.
    """
    styles = "".join(f'<link rel="stylesheet" href="{root}pages/{name}">' for name in _STYLES)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            f"<head>{_HEAD}{head}",
            f'<link rel="icon" href="{root}pages/icon.svg" type="image/svg+xml">{styles}',
            f"<title>{escape(title)}</title></head>",
            f'<body><main class="card document"><h1>{escape(title)}</h1>',
            *body,
            "</main></body></html>\n",
        ]
    ).encode()
